/** The request side: pure, silent where nothing changes, loud where something does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { translators } from '../../translators/index.ts'
import type { CanonicalRequest, JsonObject } from '../../translators/shared/canonical.ts'
import type { Target, UpstreamRequest } from '../../translators/shared/translator.ts'
import { makeTarget } from './support/make-target.ts'

function translate(id: string, request: Partial<CanonicalRequest>, target: Partial<Target> = {}) {
  const translator = translators[id] ?? assert.fail(`no variant ${id}`)
  return translator.request({ model: 'alias', ...request }, makeTarget(translator, target))
}

function sent(
  id: string,
  request: Partial<CanonicalRequest>,
  target: Partial<Target> = {},
): UpstreamRequest & { body: JsonObject } {
  const result = translate(id, request, target)
  assert.ok(result.ok, result.ok ? '' : result.message)
  assert.ok(result.body)
  return { ...result, body: result.body }
}

function refused(id: string, request: Partial<CanonicalRequest>, target: Partial<Target> = {}) {
  const result = translate(id, request, target)
  assert.ok(!result.ok, 'should be refused')
  return result
}

function names({ adaptations }: UpstreamRequest): string[] {
  return adaptations.map(({ action, field, detail }) => `${action}:${field}${detail && `=${detail}`}`)
}

const ids = Object.keys(translators)
const weather = { type: 'function', name: 'weather', parameters: {} }
const files = {
  type: 'namespace',
  name: 'files',
  tools: [{ type: 'function', name: 'read', parameters: {} }],
}

test('what means nothing is neither named nor refused', () => {
  const request: Partial<CanonicalRequest> = {
    input: 'Hello',
    tools: [],
    tool_choice: 'auto',
    include: [],
    text: {},
    metadata: {},
    reasoning: {},
    store: true,
    background: false,
    stream: false,
    parallel_tool_calls: true,
    presence_penalty: 0,
    frequency_penalty: 0,
    top_logprobs: 0,
    service_tier: 'default',
    truncation: 'disabled',
    temperature: null,
    previous_response_id: null,
    some_field: null,
  }
  for (const id of ids) {
    assert.deepEqual(names(sent(id, request, { unsupported: 'reject' })), [], id)
    for (const member of [
      'tools',
      'tool_choice',
      'include',
      'text',
      'metadata',
      'reasoning',
      'parallel_tool_calls',
    ])
      assert.equal(member in sent(id, request).body, false, `${id} sends ${member}`)
  }
})

test('strict: null is left out of a tool, the tool stays', () => {
  const { body } = sent('openai', { input: 'x', tools: [{ ...weather, strict: null, description: null }] })
  assert.deepEqual(body.tools, [weather])
})

test('Sail takes no empty input', () => {
  for (const input of [undefined, '', []]) assert.equal(refused('sail', { input }).field, 'input')
  assert.deepEqual(sent('sail', { instructions: 'Count.' }).body.input, [
    { type: 'message', role: 'system', content: 'Count.' },
  ])
})

test('Sail takes 20 images of 20 MB', () => {
  const image = (size: number) => ({
    type: 'input_image',
    image_url: `data:image/png;base64,${'A'.repeat(size)}`,
  })
  const ask = (count: number, size = 4) => ({
    input: [{ type: 'message', role: 'user', content: Array(count).fill(image(size)) }],
  })
  assert.ok(translate('sail', ask(20)).ok)
  assert.match(refused('sail', ask(21)).message, /at most 20 images/)
  assert.ok(translate('sail', ask(1, 27_900_000)).ok)
  assert.equal(refused('sail', ask(1, 28_000_000)).field, 'input.image')
})

test('Sail never gets the metadata that steers it, unless the operator allows it', () => {
  const metadata = {
    completion_window: '24h',
    completion_webhook: 'https://x',
    webhook_token: 't',
    team: 'a',
  }
  const result = sent('sail', { input: 'x', metadata })
  assert.deepEqual(result.body.metadata, { team: 'a' })
  assert.deepEqual(names(result), [
    'dropped:metadata=completion_window',
    'dropped:metadata=completion_webhook',
    'dropped:metadata=webhook_token',
  ])
  assert.equal('metadata' in sent('sail', { input: 'x', metadata: { webhook_token: 't' } }).body, false)
  assert.equal(refused('sail', { input: 'x', metadata }, { unsupported: 'reject' }).field, 'metadata')
  assert.deepEqual(
    sent('sail', { input: 'x', metadata }, { options: { allowSteeringMetadata: true } }).body.metadata,
    metadata,
  )
})

test('128 tools at Scaleway, those of namespaces counted', () => {
  const tools = Array.from({ length: 127 }, (_, index) => ({ ...weather, name: `tool_${index}` }))
  assert.ok(translate('scaleway', { input: 'x', tools: [...tools, files] }).ok)
  assert.match(
    refused('scaleway', { input: 'x', tools: [...tools, files, weather] }).message,
    /at most 128 tools.*129/,
  )
})

test('efforts become the nearest that the provider has', () => {
  const effort = (id: string, value: string) =>
    (sent(id, { input: 'x', reasoning: { effort: value as never } }).body.reasoning as JsonObject | undefined)
      ?.effort
  assert.deepEqual(
    ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'].map((value) => effort('scaleway', value)),
    ['low', 'low', 'low', 'medium', 'high', 'high'],
  )
  assert.equal(effort('sail', 'minimal'), 'low')
  assert.equal(effort('general-augment', 'minimal'), 'minimal')
  assert.equal(effort('scaleway', 'ultra'), 'medium')
  assert.match(
    refused('scaleway', { input: 'x', reasoning: { effort: 'xhigh' } }, { unsupported: 'reject' }).message,
    /low, medium, high/,
  )
})

test('reasoning_effort at the top level is the same as inside reasoning', () => {
  for (const id of ids) {
    const { body } = sent(id, { input: 'x', reasoning_effort: 'high' })
    assert.deepEqual(body.reasoning, { effort: 'high' }, id)
    assert.equal('reasoning_effort' in body, false, id)
  }
})

test('functions of a namespace get one flat name in tools, history and choice, and find back', () => {
  const request: Partial<CanonicalRequest> = {
    input: [
      { type: 'function_call', call_id: 'c', name: 'read', namespace: 'files', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c', output: '' },
      { type: 'function_call', call_id: 'd', name: 'write', namespace: 'gone', arguments: '{}' },
      { type: 'function_call_output', call_id: 'd', output: '' },
    ],
    tools: [{ ...weather, name: 'files__read' }, files],
    tool_choice: { type: 'function', name: 'read', namespace: 'files' },
  }
  const { body, toolNames } = sent('sail', request)
  assert.deepEqual(
    (body.tools as JsonObject[]).map(({ name }) => name),
    ['files__read', 'files__read_2'],
  )
  assert.deepEqual(body.tool_choice, { type: 'function', name: 'files__read_2' })
  assert.deepEqual(
    (body.input as JsonObject[]).map(({ name }) => name),
    ['files__read_2', undefined, 'gone__write', undefined],
  )
  assert.deepEqual(toolNames, {
    files__read_2: { name: 'read', namespace: 'files' },
    gone__write: { name: 'write', namespace: 'gone' },
  })
})

test('flat names are valid, short and different', () => {
  const long = 'a'.repeat(60)
  const tools = [
    {
      type: 'namespace',
      name: long,
      tools: [
        { ...weather, name: 'x.y one' },
        { ...weather, name: 'x/y two' },
      ],
    },
    {
      type: 'namespace',
      name: 'n',
      tools: [
        { ...weather, name: 'a b' },
        { ...weather, name: 'a.b' },
        { ...weather, name: '__proto__' },
      ],
    },
  ]
  const { body, toolNames } = sent('sail', { input: 'x', tools })
  const sentNames = (body.tools as JsonObject[]).map(({ name }) => String(name))
  assert.equal(new Set(sentNames).size, 5)
  for (const name of sentNames) {
    assert.match(name, /^[a-zA-Z0-9_-]{1,64}$/)
    assert.ok(toolNames[name], name)
  }
})

test('a tool that must be called and cannot be given is refused', () => {
  const tools = [{ type: 'web_search' }]
  assert.ok(translate('sail', { input: 'x', tools, tool_choice: 'auto' }).ok)
  assert.equal(refused('sail', { input: 'x', tools, tool_choice: 'required' }).field, 'tool_choice.required')
  assert.equal(
    refused('sail', { input: 'x', tools, tool_choice: { type: 'web_search' } }).field,
    'tool_choice.builtin',
  )
  assert.equal(
    refused('sail', { input: 'x', tools: [weather], tool_choice: { type: 'function', name: 'nobody' } })
      .field,
    'tool_choice.function',
  )
  const allowed = { type: 'allowed_tools', mode: 'required' as const, tools: [{ type: 'web_search' }] }
  assert.equal(
    refused('sail', { input: 'x', tools: [...tools, weather], tool_choice: allowed }).field,
    'tool_choice.allowed_tools',
  )
})

test('allowed_tools with nothing left allows no call and sends no tool', () => {
  const allowed = {
    type: 'allowed_tools',
    mode: 'auto' as const,
    tools: [{ type: 'function', name: 'nobody' }],
  }
  const { body, guards } = sent('sail', { input: 'x', tools: [weather], tool_choice: allowed })
  assert.equal('tools' in body, false)
  assert.equal('tool_choice' in body, false)
  assert.deepEqual(guards.allowedTools, [])
})

test('tool_choice none sets the guard at every provider', () => {
  for (const id of ids)
    assert.deepEqual(
      sent(id, { input: 'x', tools: [weather], tool_choice: 'none' }).guards.allowedTools,
      [],
      id,
    )
})

test('max_tool_calls is counted by the gateway everywhere; below a minimum only there', () => {
  for (const id of ids) {
    const { guards, body } = sent(id, { input: 'x', tools: [weather], max_tool_calls: 0 })
    assert.equal(guards.maxToolCalls, 0, id)
    assert.equal('max_tool_calls' in body, false, id)
    assert.equal(sent(id, { input: 'x', tools: [weather], max_tool_calls: 2 }).guards.maxToolCalls, 2, id)
  }
})

test('a schema without strict is not promised by anyone', () => {
  const format = { type: 'json_schema' as const, name: 'n', schema: {}, strict: null, description: null }
  const { body, guards, adaptations } = sent('scaleway', { input: 'x', text: { format } })
  assert.deepEqual(body.text, { format: { type: 'json_schema', name: 'n', schema: {} } })
  assert.deepEqual([guards, adaptations], [{}, []])
})

test('unknown fields: passed where the document takes them, else named, never refused', () => {
  const request: Partial<CanonicalRequest> = { input: 'x', client_metadata: { a: 1 }, 'odd\r\nname': 1 }
  assert.deepEqual(sent('general-augment', request).body.client_metadata, { a: 1 })
  assert.deepEqual(names(sent('deployment', request, { unsupported: 'reject' })), [
    'dropped:client_metadata',
    'dropped:odd__name',
  ])
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`field_${index}`, index]))
  const named = names(sent('sudo', { input: 'x', ...many }))
  assert.equal(named.length, 11)
  assert.equal(named.at(-1), 'dropped:unknown_fields=290 more')
})

test('reasoning in history: nulls are tolerated, what is emptied is left out', () => {
  const input = [
    {
      type: 'reasoning',
      id: 'rs_1',
      summary: [{ type: 'summary_text', text: 's' }],
      content: null,
      status: null,
    },
    { type: 'reasoning', id: 'rs_2', summary: [], encrypted_content: 'secret' },
  ] as unknown as CanonicalRequest['input']
  const { body } = sent('scaleway', { input })
  // The server behind it requires an id, whichever it is.
  assert.deepEqual(body.input, [
    { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 's' }] },
  ])
  const { body: bare } = sent('openai', { input })
  assert.deepEqual(bare.input, [
    { type: 'reasoning', summary: [{ type: 'summary_text', text: 's' }] },
    { type: 'reasoning', summary: [], encrypted_content: 'secret' },
  ])
})

test('raw reasoning of another provider is left out and named where only summaries are read', () => {
  const content = [{ type: 'reasoning_text', text: 'hm' }]
  const input = [
    { type: 'message', role: 'user', content: 'x' },
    { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 's' }], content },
    { type: 'reasoning', id: 'rs_2', summary: [], content },
  ] as unknown as CanonicalRequest['input']
  for (const id of ['openai', 'sudo', 'deployment']) {
    const result = sent(id, { input })
    assert.deepEqual((result.body.input as unknown[]).slice(1), [
      { type: 'reasoning', summary: [{ type: 'summary_text', text: 's' }] },
    ])
    assert.deepEqual(names(result), ['dropped:input.reasoning=content'], id)
  }
  assert.deepEqual((sent('general-augment', { input }).body.input as unknown[])[2], {
    type: 'reasoning',
    summary: [],
    content,
  })
})

test('text parts get the kind that belongs where they stand', () => {
  const text = (type: string) => ({ type, text: 't' })
  const input = [
    { type: 'message', role: 'user', content: [text('text'), text('output_text')] },
    { type: 'message', role: 'assistant', content: [text('input_text'), { type: 'refusal', refusal: 'r' }] },
    { type: 'function_call_output', call_id: 'c', output: [text('text')] },
  ] as unknown as CanonicalRequest['input']
  for (const id of ids.filter((one) => one !== 'scaleway')) {
    const items = sent(id, { input }).body.input as { content?: { type: string }[]; output?: unknown }[]
    assert.deepEqual(
      items.slice(0, 2).map(({ content }) => content?.map(({ type }) => type)),
      [
        ['input_text', 'input_text'],
        ['output_text', 'refusal'],
      ],
      id,
    )
    assert.deepEqual(items[2]?.output, [text('input_text')], id)
  }
  assert.deepEqual(sent('scaleway', { input }).body.input, [
    { role: 'user', content: 't\nt' },
    { role: 'assistant', content: 'tr' },
    { type: 'function_call_output', call_id: 'c', output: 't' },
  ])
})

test('an image or a file by its id needs a provider that keeps files; a source beside it is enough', () => {
  const ask = (part: JsonObject) => ({
    input: [{ type: 'message', role: 'user', content: [part] }] as CanonicalRequest['input'],
  })
  for (const type of ['input_image', 'input_file']) {
    for (const id of ['sail', 'scaleway', 'open-responses']) {
      assert.equal(refused(id, ask({ type, file_id: 'file_1', image_url: null })).field, 'input.file_id', id)
      const { body } = sent(
        id,
        ask({ type, file_id: 'file_1', file_url: 'https://a.example/b', detail: null }),
      )
      assert.match(JSON.stringify(body.input), /\{"type":"input_\w+","file_url":"https:\/\/a.example\/b"\}/)
    }
    assert.match(JSON.stringify(sent('openai', ask({ type, file_id: 'file_1' })).body.input), /"file_1"/)
  }
})

test('parts of other kinds are refused where no document has them: without them it is another question', () => {
  const video = { type: 'input_video', video_url: 'https://a.example/b' }
  const input = [{ type: 'message', role: 'user', content: [video] }] as unknown as CanonicalRequest['input']
  for (const id of ids.filter((one) => one !== 'general-augment'))
    assert.equal(refused(id, { input }).field, 'input.other_parts', id)
  assert.deepEqual(sent('general-augment', { input }).body.input, input)
})

test('names, ids and arguments of history that no server takes are made valid, the same everywhere', () => {
  const callId = `call_${'x'.repeat(90)}`
  const history = (tail: string) => [
    { type: 'message', role: 'user', content: 'x' },
    { type: 'function_call', call_id: callId + tail, name: 'mcp.files/read', arguments: '' },
    { type: 'function_call_output', call_id: callId + tail, output: 'y' },
  ]
  for (const id of ids) {
    const input = [...history('a'), ...history('b')] as unknown as CanonicalRequest['input']
    const items = sent(id, { input, tools: [{ ...weather, name: 'mcp_files_read' }] }).body
      .input as JsonObject[]
    const [, call, output, , other] = items
    assert.equal(call?.name, 'mcp_files_read_2', id)
    assert.equal(call?.arguments, '{}')
    assert.match(String(call?.call_id), /^call_x+_[\da-z]+$/)
    assert.equal(String(call?.call_id).length, 64)
    assert.equal(output?.call_id, call?.call_id)
    assert.notEqual(other?.call_id, call?.call_id)
  }
})

test('lengths count characters, not the units that they are kept in', () => {
  const key = '🙂'.repeat(64)
  assert.equal(sent('sail', { input: 'x', prompt_cache_key: key }).body.prompt_cache_key, key)
  assert.deepEqual(names(sent('sail', { input: 'x', prompt_cache_key: `${key}a` })), [
    'dropped:prompt_cache_key=longer than 64 characters',
  ])
})

test('input of which nothing can be sent is refused, not sent empty', () => {
  const input = [{ type: 'mystery', id: 'm' }] as unknown as CanonicalRequest['input']
  for (const id of ids.filter((one) => one !== 'general-augment')) {
    const refusal = refused(id, { input })
    assert.equal(refusal.field, 'input', id)
    assert.match(refusal.message, /not be empty|nothing that provider/)
  }
})

test('of the options of a stream, only what is known is sent', () => {
  const stream_options = { include_obfuscation: false, include_usage: true } as JsonObject
  const result = sent('openai', { input: 'x', stream: true, stream_options })
  assert.deepEqual(result.body.stream_options, { include_obfuscation: false })
  assert.deepEqual(names(result), ['dropped:stream_options.include_usage'])
  assert.deepEqual(names(sent('deployment', { input: 'x', stream: true, stream_options })), [
    'dropped:stream_options',
  ])
})

test('no top logprobs need no switch', () => {
  const { body } = sent('scaleway', { input: 'x', top_logprobs: 0 })
  assert.equal('top_logprobs' in body || 'logprobs' in body, false)
  assert.equal(sent('scaleway', { input: 'x', top_logprobs: 0, logprobs: true }).body.top_logprobs, 0)
})

test('no tool calls at all is a choice of none', () => {
  for (const id of ids) {
    const { body, guards } = sent(id, {
      input: 'x',
      tools: [weather],
      tool_choice: 'required',
      max_tool_calls: 0,
    })
    assert.equal(guards.maxToolCalls, 0)
    assert.equal('max_tool_calls' in body, false, id)
    assert.equal(body.tool_choice, id === 'scaleway' ? undefined : 'none', id)
    assert.equal('tools' in body, id !== 'scaleway', id)
  }
})

test('user and safety_identifier share a member: the native one wins, an equal one is silent', () => {
  const both = (user: string) => sent('deployment', { input: 'x', user, safety_identifier: 'a' })
  assert.deepEqual([both('a').body.user, names(both('a'))], ['a', []])
  assert.deepEqual([both('b').body.user, names(both('b'))], ['b', ['dropped:safety_identifier=user is set']])
  assert.deepEqual(names(sent('sail', { input: 'x', user: 'u'.repeat(65) })), [
    'dropped:user=longer than 64 characters',
  ])
})

test('nothing of the address survives from an odd project', () => {
  const { url } = sent('scaleway', { input: 'x' }, { projectId: '../admin?x' })
  assert.equal(url, 'https://provider.example/..%2Fadmin%3Fx/v1/responses')
})

test('a key that is not set sends no header', () => {
  for (const id of ids)
    assert.equal('authorization' in sent(id, { input: 'x' }, { credentials: {} }).headers, false, id)
})

test('instructions alone are a request: the input that providers require is sent empty', () => {
  assert.equal(sent('scaleway', { instructions: 'Count.' }).body.input, '')
  assert.equal('input' in sent('openai', { prompt: { id: 'pmpt_1' } }).body, false)
})

test('a text format that nobody documented is treated like such a field', () => {
  const text = { format: { type: 'grammar', syntax: 'lark' } } as never
  assert.deepEqual(sent('general-augment', { input: 'x', text }).body.text, {
    format: { type: 'grammar', syntax: 'lark' },
  })
  assert.deepEqual(names(sent('sail', { input: 'x', text })), ['dropped:text.format=grammar'])
})

test('a member of a function that only another provider knows is named, and the tool stays', () => {
  const tools = [{ ...weather, defer_loading: true, cache: null }]
  const result = sent('sail', { input: 'x', tools }, { unsupported: 'reject' })
  assert.deepEqual([result.body.tools, names(result)], [[weather], ['dropped:tools.function=defer_loading']])
  assert.deepEqual(sent('openai', { input: 'x', tools }).body.tools, [{ ...weather, defer_loading: true }])
})
