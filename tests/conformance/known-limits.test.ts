/** Never a provider's own 400 for something that its table knows: odd but legal requests at every strict provider. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JsonObject } from '../../translators/shared/canonical.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'
import { variantTargets } from './targets.ts'

const tool = (name: string, more: JsonObject = {}) => ({ type: 'function', name, parameters: {}, ...more })
const ask = (...content: unknown[]) => ({ input: [{ role: 'user', content }] })
const follow = (...items: JsonObject[]) => ({
  input: [{ role: 'user', content: 'x' }, ...items, { role: 'user', content: 'y' }],
})
const text = (type: string) => ({ type, text: 't' })
const call = (more: JsonObject = {}) => ({
  type: 'function_call',
  call_id: 'c1',
  name: 'f',
  arguments: '{}',
  ...more,
})
const output = (value: unknown) => ({ type: 'function_call_output', call_id: 'c1', output: value })
const image = { type: 'input_image', image_url: 'data:image/png;base64,iVBORw0KGgo=' }
const pairs = Object.fromEntries(
  Array.from({ length: 16 }, (_, index) => [`${index}`.padEnd(64, 'k'), 'v'.repeat(512)]),
)
const each = (name: string, values: readonly unknown[], make: (value: never) => JsonObject) =>
  values.map((value): [string, JsonObject] => [`${name} ${String(value).slice(0, 30)}`, make(value as never)])

const builtIns = 'web_search web_search_preview file_search code_interpreter image_generation computer shell'
const items =
  'web_search_call file_search_call computer_call local_shell_call shell_call mcp_call tool_search_call'

const cases: [string, JsonObject][] = [
  ...each('max_output_tokens', [1, 15, 16, 8001, 8193, 1_000_000], (max_output_tokens) => ({
    max_output_tokens,
  })),
  ...each('temperature', [0, 2], (temperature) => ({ temperature })),
  ...each('top_p', [0, 1], (top_p) => ({ top_p })),
  ...each('top_logprobs', [0, 20], (top_logprobs) => ({ top_logprobs })),
  ...each('max_tool_calls', [0, 1, 1000], (max_tool_calls) => ({ max_tool_calls, tools: [tool('f')] })),
  ...each('effort', ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'], (effort) => ({
    reasoning: { effort, summary: 'auto' },
  })),
  ...each('tier', ['auto', 'default', 'flex', 'scale', 'priority', 'fast', 'x'.repeat(64)], (tier) => ({
    service_tier: tier,
  })),
  ...each('verbosity', ['low', 'high'], (verbosity) => ({ text: { verbosity } })),
  ...each('truncation', ['auto', 'disabled'], (truncation) => ({ truncation })),
  ...each('store', [true, false], (store) => ({ store })),
  ...each('parallel', [true, false], (parallel_tool_calls) => ({ parallel_tool_calls, tools: [tool('f')] })),
  ...each('built-in', [...builtIns.split(' '), 'mcp', 'mystery'], (type) => ({ tools: [{ type }] })),
  ...each('item', [...items.split(' '), 'mystery'], (type) => follow({ type, id: 'x', call_id: 'c' })),
  ...each('choice', ['none', 'auto', 'required'], (tool_choice) => ({ tool_choice, tools: [tool('f')] })),
  ...each('choice without tools', ['none', 'auto'], (tool_choice) => ({ tool_choice, tools: [] })),
  ['penalties', { presence_penalty: -2, frequency_penalty: 2 }],
  ['identities', { user: 'u'.repeat(200), safety_identifier: 's'.repeat(64) }],
  ['cache key', { prompt_cache_key: 'k'.repeat(64), prompt_cache_retention: '24h' }],
  ['metadata', { metadata: pairs }],
  ['128 tools', { tools: Array.from({ length: 128 }, (_, index) => tool(`f${index}`)) }],
  ['nulls', { tools: [tool('f', { description: null, strict: null })], include: [], text: {} }],
  ['deferred', { tools: [tool('f', { defer_loading: true })] }],
  ['custom', { tools: [{ type: 'custom', name: 'c' }], tool_choice: { type: 'custom', name: 'c' } }],
  ['specific', { tools: [tool('f'), tool('g')], tool_choice: { type: 'function', name: 'f' } }],
  [
    'in a namespace',
    {
      tools: [{ type: 'namespace', name: 'n', description: 'd', tools: [tool('f')] }],
      tool_choice: { type: 'function', name: 'f', namespace: 'n' },
    },
  ],
  [
    'allowed',
    {
      tools: [tool('f'), tool('g')],
      tool_choice: { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'f' }] },
    },
  ],
  ['include', { include: ['reasoning.encrypted_content', 'message.output_text.logprobs', 'other.thing'] }],
  ['unknown', { seed: 1, client_metadata: {}, context_management: [], reasoning: { x: 1 }, text: { x: 1 } }],
  ['json object', { input: 'Give JSON', text: { format: { type: 'json_object' } } }],
  ['stream options', { stream: true, stream_options: { include_obfuscation: true, include_usage: true } }],
  ['images', ask(...Array(20).fill(image))],
  ['21 images', ask(...Array(21).fill(image))],
  ['image by id', ask({ type: 'input_image', file_id: 'file_1' })],
  ['file', ask({ type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA' })],
  ['video', ask({ type: 'input_video', video_url: 'https://a.example/b' })],
  ['odd text', ask(text('text'), text('output_text'))],
  ['assistant', follow({ role: 'assistant', content: [text('input_text')], phase: 'commentary' })],
  ['refusal', follow({ role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }] })],
  ['developer', { instructions: 'i', ...follow({ role: 'developer', content: 'd' }) }],
  ['round trip', follow(call({ id: 'fc', status: 'completed' }), output('r'))],
  ['odd call', follow(call({ name: 'a.b/c', arguments: '', namespace: 'n' }), output([text('text'), image]))],
  ['raw reasoning', follow({ type: 'reasoning', id: 'rs', content: [text('reasoning_text')] })],
  ['reasoning', follow({ type: 'reasoning', id: 'rs', summary: [text('summary_text')], content: null })],
  [
    'custom history',
    follow(
      { type: 'custom_tool_call', call_id: 'c', name: 'p', input: 'i' },
      { type: 'custom_tool_call_output', call_id: 'c', output: [text('input_text')] },
    ),
  ],
]

let gateway: TestGateway
before(async () => {
  gateway = await startGateway()
})
after(() => gateway.close())

interface Row {
  id: string
  attempts: number
  error: unknown
}

for (const { variant, model } of variantTargets) {
  for (const policy of ['adapt', 'reject']) {
    test(`${variant}, ${policy}: what cannot be served is adapted or refused before it is sent`, async () => {
      for (const [name, members] of cases) {
        const body = { model, input: 'Hello', ...members }
        const response = await gateway.post(body, { 'x-dragoman-unsupported': policy })
        const answer = await response.text()
        assert.doesNotMatch(answer, /"type":"error"/, name)
        if (response.status !== 200)
          assert.match(
            answer,
            /provider \\".*"code":"unsupported_parameter"/,
            `${name} is refused by the gateway`,
          )
      }
      const { data } = await gateway.admin<{ data: Row[] }>(`/admin/requests?limit=${cases.length}`)
      const failed = data.filter(({ attempts, error }) => error !== null && attempts > 0)
      assert.deepEqual(failed, [], 'nothing that failed was sent')
    })
  }
}

const opaque = (type: string) => follow({ type, id: 'x', summary: [], encrypted_content: 'e' })

test('content that no one here made is asked of those that may read it, and is the fault of who sent it', async () => {
  const asked: [string, string][] = [
    ['openai', 'reasoning'],
    ['openai', 'compaction'],
    ['azure', 'reasoning'],
  ]
  for (const [provider, type] of asked) {
    const response = await gateway.post({ model: `${provider}/gpt-5.2`, ...opaque(type) })
    const { error } = (await response.json()) as { error?: JsonObject }
    assert.deepEqual(
      [response.status, error?.code],
      [400, 'invalid_encrypted_content'],
      `${provider} ${type}`,
    )
  }
})

test('a compacted context is left out by name where no provider reads any', async () => {
  for (const { model } of variantTargets.filter(({ variant }) => !/^open/.test(variant))) {
    const response = await gateway.post({ model, ...opaque('compaction') })
    assert.equal(response.status, 200, model)
    assert.match(response.headers.get('x-dragoman-adaptations') ?? '', /dropped:input\.compaction/, model)
  }
})
