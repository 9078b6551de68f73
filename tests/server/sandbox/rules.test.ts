import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Sandbox, startSandbox } from '../../../server/sandbox/index.ts'
import type { JsonObject } from '../../../translators/shared/canonical.ts'
import { type Door, doors, post, weatherTool } from './helpers.ts'

let sandbox: Sandbox
before(async () => {
  sandbox = await startSandbox()
})
after(() => sandbox.close())

const input = 'hi'
const manyTools = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ ...weatherTool, name: `tool_${index}` }))
const pairs = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))

/** Per provider: what its document allows, and what it refuses with which status. */
const cases: Record<Door, { good: JsonObject[]; bad: [number, JsonObject][] }> = {
  sail: {
    good: [
      {
        input,
        max_output_tokens: 16,
        max_tool_calls: 1,
        temperature: 2,
        top_p: 0,
        presence_penalty: -2,
        frequency_penalty: 2,
      },
      {
        input,
        top_logprobs: 20,
        truncation: 'disabled',
        safety_identifier: 'x'.repeat(64),
        metadata: pairs(16),
      },
      { input, service_tier: 'flex', store: true, reasoning: { effort: 'xhigh', generate_summary: 'auto' } },
      { input: 'x'.repeat(10_485_760) },
      { input, tools: [weatherTool], tool_choice: { type: 'function', name: 'get_weather' } },
    ],
    bad: [
      [400, { input: '' }],
      [400, { input: 'x'.repeat(10_485_761) }],
      [400, { input, max_output_tokens: 15 }],
      [400, { input, max_tool_calls: 0 }],
      [400, { input, prompt_cache_key: 'x'.repeat(65) }],
      [400, { input, metadata: pairs(17) }],
      [400, { input, metadata: { k: 'x'.repeat(513) } }],
      [400, { input, stream_options: {} }],
      [400, { input, stream: true }],
      [400, { input, instructions: 'x' }],
      [400, { input, store: false }],
      [400, { input, include: ['reasoning.encrypted_content'] }],
      [400, { input, previous_response_id: 'resp_1' }],
      [400, { input, reasoning: { summary: 'auto' } }],
      [400, { input, text: { verbosity: 'low' } }],
      [400, { input, text: { format: { type: 'json_object' } } }],
      [400, { input, truncation: 'auto' }],
      [400, { input: [{ role: 'developer', content: 'x' }] }],
      [400, { input, tools: [{ type: 'web_search' }] }],
      [400, { input, model: 'gpt-4o' }],
      [404, { input, model: 'nobody/nothing' }],
    ],
  },
  sudo: {
    good: [
      { input, max_output_tokens: 16, max_tool_calls: 0, temperature: 2, top_logprobs: 20, user: undefined },
      {
        input,
        instructions: [{ role: 'system', content: 'x' }],
        stream_options: { include_obfuscation: false },
      },
    ],
    bad: [
      [400, { input, max_output_tokens: -1 }],
      [400, { input, max_output_tokens: 15 }],
      [400, { input, top_logprobs: 21 }],
      [400, { input, temperature: 2.1 }],
      [400, { input, presence_penalty: 0 }],
      [400, { input, user: 'me' }],
      [400, { input, model: 'deepseek-ai/DeepSeek-V3.2' }],
      [400, { input, previous_response_id: 'resp_1' }],
      [400, { input: [{ type: 'function_call_output', call_id: 'lost', output: 'x' }] }],
    ],
  },
  scaleway: {
    good: [
      { input, max_output_tokens: 8192, top_p: 0.01, temperature: 0, truncation: 'disabled', store: true },
      { input, top_logprobs: 20, logprobs: true, reasoning: { effort: 'high' }, tools: manyTools(128) },
      { input, tools: [weatherTool], tool_choice: { type: 'function', function: { name: 'get_weather' } } },
    ],
    bad: [
      [416, { input, max_output_tokens: 8193 }],
      [400, { input, top_p: 0 }],
      [400, { input, top_logprobs: 1 }],
      [400, { input, top_logprobs: 21, logprobs: true }],
      [400, { input, tools: manyTools(129) }],
      [400, { input, tools: [weatherTool], tool_choice: { type: 'function', name: 'get_weather' } }],
      [400, { input, tool_choice: 'auto' }],
      [400, { input, truncation: 'auto' }],
      [400, { input, reasoning: { effort: 'none' } }],
      [400, { input, metadata: {} }],
      [400, { input, previous_response_id: 'x' }],
      [400, { input, background: false }],
      [422, { input, model: 'openai/gpt-oss-120b' }],
      [422, { input, model: undefined }],
    ],
  },
  augment: {
    good: [
      { max_output_tokens: 1 },
      { input, max_output_tokens: 8000, service_tier: 'x', user: 'x'.repeat(200), anything: { else: 1 } },
      {
        input,
        metadata: { number: 1 },
        reasoning: { effort: 'minimal' },
        truncation: 'auto',
        temperature: -1,
      },
    ],
    bad: [
      [422, { input, max_output_tokens: 0 }],
      [422, { input, max_output_tokens: 8001 }],
      [422, { input, user: '' }],
      [422, { input, user: 'x'.repeat(201) }],
      [422, { input, service_tier: 'x'.repeat(65) }],
      [422, { input, temperature: 2.5 }],
      [422, { input, top_p: 1.1 }],
      [422, { input, reasoning: { effort: 'huge' } }],
      [422, { input, stream: null }],
      [422, { input, model: undefined }],
      [404, { input, model: 'gpt-4o' }],
      [404, { input, previous_response_id: 'resp_1' }],
    ],
  },
  azure: {
    good: [
      {
        input,
        max_output_tokens: 1,
        temperature: 2,
        top_p: 0,
        top_logprobs: 20,
        user: 'me',
        metadata: pairs(16),
      },
      {
        input,
        tools: [weatherTool, { type: 'web_search' }, { type: 'mcp', server_label: 'x' }],
        tool_choice: 'required',
      },
    ],
    bad: [
      [400, { input, max_output_tokens: 0 }],
      [400, { input, top_logprobs: 21 }],
      [400, { input, presence_penalty: 0 }],
      [400, { input, stream_options: {} }],
      [400, { input, safety_identifier: 'x' }],
      [400, { input, service_tier: 'auto' }],
      [400, { input, conversation: 'c' }],
      [400, { input, include: ['everything'] }],
      [400, { input, tools: [weatherTool], tool_choice: { type: 'function', name: 'get_weather' } }],
      [404, { input, model: 'gpt-4o' }],
    ],
  },
  openai: {
    good: [
      {
        input,
        max_output_tokens: 16,
        tools: [weatherTool],
        tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [] },
      },
    ],
    bad: [
      [400, { input, max_output_tokens: 15 }],
      [400, { input, unheard_of: 1 }],
      [400, { input, tool_choice: 'required' }],
      [400, { input, tools: [weatherTool], tool_choice: { type: 'function', name: 'other' } }],
      [400, { input, tools: [{ type: 'function', function: { name: 'chat_style' } }] }],
      [400, { input: [{ role: 'assistant', content: [{ type: 'input_text', text: 'x' }] }] }],
      [404, { input: [{ type: 'item_reference', id: 'msg_lost' }] }],
    ],
  },
  local: {
    good: [{ input, unheard_of: 1, temperature: 0 }],
    bad: [
      [400, { input, top_p: 1.1 }],
      [400, { input, tool_choice: 'auto' }],
      [404, { input, model: 'gpt-4o' }],
      [404, { input, previous_response_id: 'resp_1' }],
    ],
  },
}

const summarize = (body: JsonObject) => {
  const text = JSON.stringify(body)
  return text.length > 90 ? `${text.slice(0, 90)}… (${text.length})` : text
}

for (const door of Object.keys(doors) as Door[]) {
  describe(door, () => {
    for (const body of cases[door].good)
      test(`takes ${summarize(body)}`, async () => {
        const answer = await post(sandbox.origin, door, body)
        assert.equal(answer.status, 200, answer.text.slice(0, 400))
      })
    for (const [status, body] of cases[door].bad)
      test(`answers ${status} to ${summarize(body)}`, async () => {
        const answer = await post(sandbox.origin, door, body)
        assert.equal(answer.status, status, answer.text.slice(0, 400))
      })
  })
}

test('credentials are checked as each provider does', async () => {
  const expected: [Door, Record<string, string>, number][] = [
    ['sail', { authorization: 'Bearer wrong' }, 401],
    ['sudo', { authorization: '' }, 401],
    ['scaleway', { authorization: '' }, 401],
    ['scaleway', { authorization: 'Bearer wrong' }, 403],
    ['augment', { 'x-admin-key': 'wrong' }, 403],
    ['azure', { authorization: 'Bearer wrong' }, 401],
    ['openai', { authorization: 'Bearer wrong' }, 401],
    ['local', { authorization: 'Bearer wrong' }, 401],
  ]
  for (const [door, headers, status] of expected)
    assert.equal((await post(sandbox.origin, door, { input }, headers)).status, status, door)
  const [, , model] = doors.augment
  const project = await fetch(`${sandbox.origin}/augment/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer sandbox-augment-project-key' },
    body: JSON.stringify({ model }),
  })
  assert.equal(project.status, 200)
})

test('errors come in the shape of their provider', async () => {
  const sail = await post(sandbox.origin, 'sail', { input, max_output_tokens: 1 })
  assert.deepEqual(
    { ...(sail.json.error as JsonObject), message: '' },
    { message: '', type: 'invalid_request_error', param: 'max_output_tokens', code: 400 },
  )
  const augment = await post(sandbox.origin, 'augment', { max_output_tokens: 9000 })
  assert.deepEqual(augment.json.detail, [
    {
      type: 'less_than_equal',
      loc: ['body', 'max_output_tokens'],
      msg: 'Input should be less than or equal to 8000',
      input: 9000,
      ctx: { le: 8000 },
    },
  ])
  const azure = await post(sandbox.origin, 'azure', { input, model: 'none' })
  assert.equal((azure.json.error as JsonObject).code, 'DeploymentNotFound')
  const html = await post(sandbox.origin, 'sudo', { input: '/fail 503' })
  assert.match(html.headers.get('content-type') ?? '', /text\/html/)
  const flat = await post(sandbox.origin, 'scaleway', { input: '/fail 500' })
  assert.equal(flat.json.object, 'error')
  const nested = await post(sandbox.origin, 'scaleway', { input: '/fail 429' })
  assert.equal((nested.json.error as JsonObject).code, 429)
  assert.equal(nested.headers.get('retry-after'), '1')
})
