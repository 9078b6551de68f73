import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { GatewayError } from '../../../server/errors.ts'
import { validateRequest } from '../../../server/gateway/validate-request.ts'

const base = { model: 'm', input: 'hello' }
const user = { role: 'user', content: 'hi' }

function refusal(body: unknown): GatewayError {
  try {
    validateRequest(body)
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error))
    assert.equal(error.status, 400)
    assert.equal(error.code, 'invalid_request')
    return error
  }
  assert.fail(`accepted: ${JSON.stringify(body).slice(0, 200)}`)
}

const functionTool = { type: 'function', name: 'f', parameters: { type: 'object' } }
const schemaFormat = (extra: object) => ({
  text: { format: { type: 'json_schema', name: 'n', schema: { type: 'object' }, ...extra } },
})
const pairs = (count: number, length = 1) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v'.repeat(length)]))

describe('limits of single fields, from both sides', () => {
  /** [field, values that pass, values that are refused]. */
  const limits: [string, unknown[], unknown[]][] = [
    ['model', ['m', 'org/name', 'm'.repeat(512)], ['', 'm'.repeat(513), 7, null, undefined]],
    ['instructions', ['', 'x'.repeat(100_000)], [1, {}, ['x']]],
    ['max_output_tokens', [1, 15, 16, 1_000_000], [0, -1, 1.5, '16', true]],
    ['max_tool_calls', [0, 1, 500], [-1, 0.5, '1']],
    ['temperature', [0, 0.7, 2], [-0.01, 2.01, '1']],
    ['top_p', [0, 0.5, 1], [-0.01, 1.01, '1']],
    ['presence_penalty', [-2, 0, 2], [-2.1, 2.1, 'x']],
    ['frequency_penalty', [-2, 0, 2], [-2.1, 2.1, 'x']],
    ['top_logprobs', [0, 20], [-1, 21, 1.5, '1']],
    ['parallel_tool_calls', [true, false], ['true', 0]],
    ['stream', [true, false], ['true', 1]],
    ['store', [true, false], ['false', 0]],
    ['background', [true, false], ['true', 1]],
    ['truncation', ['auto', 'disabled'], ['on', true]],
    ['service_tier', ['auto', 'priority', 'anything-else', 'x'.repeat(64)], ['', 'x'.repeat(65), 1]],
    ['safety_identifier', ['', 'x'.repeat(64), '🦎'.repeat(64)], ['x'.repeat(65), 1]],
    ['prompt_cache_key', ['x'.repeat(64)], ['x'.repeat(65), 1]],
    ['user', ['u', 'x'.repeat(200)], ['', 'x'.repeat(201), 5]],
    ['previous_response_id', ['resp_1'], ['', 5]],
    ['conversation', ['conv_1', { id: 'conv_1' }, {}], ['', 5, { id: 5 }]],
    [
      'prompt',
      [{ id: 'p' }, { id: 'p', version: '2', variables: { a: 1 } }],
      ['p', {}, { id: 'p', variables: [] }],
    ],
    ['include', [[], ['reasoning.encrypted_content', 'something.new']], ['x', [1], [null]]],
    [
      'metadata',
      [{}, pairs(16, 512), { ['k'.repeat(64)]: 'v' }],
      [pairs(17), pairs(1, 513), { ['k'.repeat(65)]: 'v' }, []],
    ],
    ['metadata', [{ a: '1' }], [{ a: 1 }, { a: true }, { a: null }, { a: {} }]],
    [
      'stream_options',
      [{}, { include_obfuscation: false }, { other: 1 }],
      ['x', { include_obfuscation: 'no' }],
    ],
    [
      'reasoning',
      [{}, { effort: null }, { effort: 'xhigh', summary: 'auto' }],
      ['high', { effort: 'huge' }, { summary: 'long' }],
    ],
    ['reasoning_effort', ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'], ['max', 1]],
    [
      'text',
      [{}, { verbosity: 'low' }, { format: null }, { format: { type: 'text' } }],
      ['x', { verbosity: 'loud' }],
    ],
    [
      'text',
      [{ format: { type: 'json_object' } }],
      [{ format: { type: 'yaml' } }, { format: {} }, { format: 'text' }],
    ],
  ]
  for (const [field, accepted, refused] of limits) {
    it(`${field} accepts ${accepted.length} values and refuses ${refused.length}`, () => {
      for (const value of accepted) validateRequest({ ...base, [field]: value })
      for (const value of refused) {
        const { param, message } = refusal({ ...base, [field]: value })
        assert.ok(
          param === field || param?.startsWith(`${field}.`) || param?.startsWith(`${field}[`),
          `${param}`,
        )
        assert.match(message, new RegExp(field))
      }
    })
    if (field !== 'model') it(`${field} may be null`, () => void validateRequest({ ...base, [field]: null }))
  }

  it('names the limit and what was sent', () => {
    assert.equal(
      refusal({ ...base, temperature: 3 }).message,
      'temperature must be a number from 0 to 2; got the number 3.',
    )
    assert.equal(
      refusal({ ...base, safety_identifier: 'x'.repeat(70) }).message,
      'safety_identifier must have at most 64 characters; got 70.',
    )
    assert.match(refusal({ ...base, reasoning: { effort: 'huge' } }).message, /none, minimal, .*; got "huge"/)
    assert.match(refusal({ ...base, metadata: { a: 1 } }).message, /Send it as text/)
  })

  it('never shows content', () => {
    const secret = `s3cret${'x'.repeat(60)}`
    for (const body of [
      { ...base, instructions: [secret] },
      { ...base, metadata: { a: secret.repeat(10) } },
      { ...base, input: [{ role: 'user', content: { secret } }] },
      { ...base, temperature: secret },
      { ...base, safety_identifier: secret },
    ]) {
      assert.doesNotMatch(refusal(body).message, /s3cret/)
    }
  })

  it('refuses a body that is no object', () => {
    for (const body of [null, [], 'x', 1, true]) assert.equal(refusal(body).param, null)
  })

  it('accepts unknown fields of any kind and passes them on', () => {
    const body = { ...base, client_metadata: { a: [1] }, thinking: { budget: 1 }, x: null }
    assert.equal(validateRequest(body), body)
  })
})

describe('input', () => {
  it('is needed unless something else is there to answer to', () => {
    for (const input of [undefined, null, '', []]) {
      assert.equal(refusal({ model: 'm', input }).param, 'input')
      validateRequest({ model: 'm', input, instructions: 'go' })
      validateRequest({ model: 'm', input, prompt: { id: 'p' } })
      validateRequest({ model: 'm', input, previous_response_id: 'resp_1' })
      validateRequest({ model: 'm', input, conversation: 'conv_1' })
    }
  })

  it('holds 10 485 760 characters at most, as a string or in all parts together', () => {
    const max = 10_485_760
    const half = 'x'.repeat(max / 2)
    validateRequest({ model: 'm', input: half + half })
    assert.match(
      refusal({ model: 'm', input: `${half}${half}x` }).message,
      /10485760 characters of text; got 10485761/,
    )
    const parts = (...texts: string[]) => [
      { role: 'user', content: texts.map((text) => ({ type: 'input_text', text })) },
    ]
    validateRequest({ model: 'm', input: parts(half, half) })
    assert.equal(refusal({ model: 'm', input: parts(half, half, 'x') }).param, 'input')
    assert.equal(
      refusal({ model: 'm', input: [...parts(half), { role: 'user', content: `${half}x` }] }).param,
      'input',
    )
    validateRequest({ model: 'm', input: '🦎'.repeat(max) })
    validateRequest({ model: 'm', input: parts('🦎'.repeat(max / 2), '🦎'.repeat(max / 2)) })
  })

  it('accepts every kind of item, known or not, whole', () => {
    const input = [
      { type: 'message', role: 'user', content: 'x' },
      { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'x' }] },
      { type: 'message', role: 'developer', content: [] },
      {
        type: 'message',
        role: 'assistant',
        id: 'msg_1',
        status: 'completed',
        phase: 'commentary',
        content: [
          { type: 'output_text', text: 'x', annotations: [], logprobs: [] },
          { type: 'refusal', refusal: 'no' },
        ],
      },
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'input_image', image_url: 'data:x', detail: 'low' },
          { type: 'input_image', file_id: 'f' },
          { type: 'input_file', file_data: 'x', filename: 'a' },
          { type: 'input_audio', input_audio: {} },
        ],
      },
      { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c1', output: 'x', id: 'fco_1', status: 'completed' },
      { type: 'function_call', call_id: 'c2', name: 'f', arguments: 'not json', id: null },
      { type: 'function_call_output', call_id: 'c2', output: [{ type: 'input_text', text: 'x' }] },
      { type: 'reasoning', id: 'rs_1', summary: [], content: null, encrypted_content: 'x' },
      {
        type: 'reasoning',
        summary: [{ type: 'summary_text', text: 'x' }],
        content: [{ type: 'reasoning_text', text: 'x' }],
      },
      { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search' } },
      { type: 'local_shell_call', call_id: 'l', action: {} },
      { type: 'local_shell_call_output', output: 'x' },
      { type: 'mcp_approval_response', approve: true },
      { type: 'custom_tool_call_output', call_id: 'c', output: 'x' },
      { type: 'acme:thing', content: 7 },
    ]
    const body = { model: 'm', input }
    assert.equal(validateRequest(body), body)
  })

  const refused: [string, unknown, string][] = [
    ['an item that is no object', 'x', 'input[1]'],
    ['an item without type or role', { content: 'x' }, 'input[1].type'],
    ['an empty type', { type: '' }, 'input[1].type'],
    ['an unknown role', { role: 'bot', content: 'x' }, 'input[1].role'],
    ['a message without role', { type: 'message', content: 'x' }, 'input[1].role'],
    ['a message without content', { role: 'user' }, 'input[1].content'],
    ['content null', { role: 'user', content: null }, 'input[1].content'],
    ['a part that is a string', { role: 'user', content: ['x'] }, 'input[1].content[0]'],
    ['a part without type', { role: 'user', content: [{ text: 'x' }] }, 'input[1].content[0].type'],
    [
      'text that is no string',
      { role: 'user', content: [{ type: 'input_text', text: 1 }] },
      'input[1].content[0].text',
    ],
    ['text that is missing', { role: 'user', content: [{ type: 'input_text' }] }, 'input[1].content[0].text'],
    [
      'an image of nothing',
      { role: 'user', content: [{ type: 'input_image' }] },
      'input[1].content[0].image_url',
    ],
    [
      'an image in chat form',
      { role: 'user', content: [{ type: 'input_image', image_url: { url: 'x' } }] },
      'input[1].content[0].image_url',
    ],
    ['a file of nothing', { role: 'user', content: [{ type: 'input_file' }] }, 'input[1].content[0]'],
    ['a call without call_id', { type: 'function_call', name: 'f', arguments: '{}' }, 'input[1].call_id'],
    ['a call without name', { type: 'function_call', call_id: 'c', arguments: '{}' }, 'input[1].name'],
    [
      'arguments as an object',
      { type: 'function_call', call_id: 'c', name: 'f', arguments: {} },
      'input[1].arguments',
    ],
    ['an output without call_id', { type: 'function_call_output', output: 'x' }, 'input[1].call_id'],
    [
      'an output that is an object',
      { type: 'function_call_output', call_id: 'c', output: {} },
      'input[1].output',
    ],
    [
      'an output without its call',
      { type: 'function_call_output', call_id: 'c', output: 'x' },
      'input[1].call_id',
    ],
    ['a reference to nothing', { type: 'item_reference' }, 'input[1].id'],
    ['reasoning with text as content', { type: 'reasoning', summary: [], content: 'x' }, 'input[1].content'],
    ['an id that is a number', { role: 'user', content: 'x', id: 1 }, 'input[1].id'],
  ]
  for (const [name, item, param] of refused) {
    it(`refuses ${name}, naming it`, () => {
      assert.equal(refusal({ model: 'm', input: [user, item] }).param, param)
    })
  }

  it('refuses input of another kind', () => {
    for (const input of [1, true, { role: 'user' }])
      assert.equal(refusal({ model: 'm', input }).param, 'input')
  })

  it('says how to send the result of a tool', () => {
    assert.match(
      refusal({ model: 'm', input: [{ role: 'tool', content: 'x' }] }).message,
      /function_call_output/,
    )
  })

  it('takes an output whose call is elsewhere', () => {
    const output = { type: 'function_call_output', call_id: 'c', output: 'x' }
    validateRequest({ model: 'm', input: [output], previous_response_id: 'resp_1' })
    validateRequest({ model: 'm', input: [output], conversation: 'conv_1' })
    validateRequest({ model: 'm', input: [{ type: 'item_reference', id: 'fc_1' }, output] })
    validateRequest({ model: 'm', input: [{ type: 'compaction', encrypted_content: 'x' }, output] })
  })

  it('writes out what clients leave out, without touching what they sent', () => {
    const input = [
      user,
      { id: 'msg_1' },
      { type: 'reasoning', id: 'rs_1' },
      { type: 'message', role: 'user', content: 'x' },
    ]
    const body = { model: 'm', input }
    const before = JSON.stringify(body)
    const request = validateRequest(body)
    assert.deepEqual(request.input, [
      { type: 'message', role: 'user', content: 'hi' },
      { type: 'item_reference', id: 'msg_1' },
      { type: 'reasoning', id: 'rs_1', summary: [] },
      { type: 'message', role: 'user', content: 'x' },
    ])
    assert.equal(request.input?.[3], input[3])
    assert.equal(JSON.stringify(body), before)
  })

  it('does not allow two kinds of state at once', () => {
    assert.equal(
      refusal({ ...base, previous_response_id: 'r', conversation: 'c' }).param,
      'previous_response_id',
    )
  })
})

describe('tools and tool_choice', () => {
  it('accepts tools of every kind', () => {
    const tools = [
      functionTool,
      { type: 'function', name: 'a-b_C9', description: null, parameters: null, strict: null },
      { type: 'function', name: 'bare' },
      { type: 'custom', name: 'c', format: { type: 'grammar', syntax: 'lark', definition: 'x' } },
      { type: 'namespace', name: 'mcp__x', description: 'd', tools: [functionTool] },
      { type: 'web_search' },
      { type: 'mcp', server_label: 'x', server_url: 'https://x' },
      { type: 'acme:tool', anything: 1 },
    ]
    const body = { ...base, tools, tool_choice: 'auto' }
    assert.equal(validateRequest(body), body)
    validateRequest({ ...base, tools: [] })
    validateRequest({
      ...base,
      tools: Array.from({ length: 128 }, (_, index) => ({ ...functionTool, name: `f${index}` })),
    })
  })

  const badTools: [unknown, string][] = [
    ['x', 'tools'],
    [Array(129).fill(functionTool), 'tools'],
    [[functionTool, 'x'], 'tools[1]'],
    [[{ name: 'f' }], 'tools[0].type'],
    [[{ type: 'function' }], 'tools[0].name'],
    [[{ type: 'function', name: '' }], 'tools[0].name'],
    [[{ type: 'function', name: 'x'.repeat(65) }], 'tools[0].name'],
    [[{ type: 'function', name: 'a b' }], 'tools[0].name'],
    [[{ type: 'function', function: { name: 'f' } }], 'tools[0].name'],
    [[{ ...functionTool, parameters: 'x' }], 'tools[0].parameters'],
    [[{ ...functionTool, strict: 'yes' }], 'tools[0].strict'],
    [[{ ...functionTool, description: 1 }], 'tools[0].description'],
    [[{ type: 'custom' }], 'tools[0].name'],
    [[{ type: 'namespace', name: 'n' }], 'tools[0].tools'],
    [[{ type: 'namespace', name: 'n', tools: [{ type: 'function' }] }], 'tools[0].tools[0].name'],
  ]
  for (const [tools, param] of badTools) {
    it(`refuses ${JSON.stringify(tools).slice(0, 70)}`, () => {
      assert.equal(refusal({ ...base, tools }).param, param)
    })
  }

  it('says that tools are flat here', () => {
    assert.match(
      refusal({ ...base, tools: [{ type: 'function', function: { name: 'f' } }] }).message,
      /stand in the tool itself/,
    )
  })

  const tools = [
    functionTool,
    { type: 'custom', name: 'c' },
    { type: 'namespace', name: 'ns', tools: [{ type: 'function', name: 'g' }] },
  ]
  it('accepts every form of tool_choice, and writes the nested ones flat', () => {
    const allowed = {
      type: 'allowed_tools',
      mode: 'auto',
      tools: [{ type: 'function', name: 'f' }, { type: 'web_search' }],
    }
    for (const choice of [
      'none',
      'auto',
      'required',
      { type: 'function', name: 'f' },
      { type: 'function', name: 'g' },
      { type: 'function', name: 'ns.g' },
      { type: 'custom', name: 'c' },
      { type: 'web_search_preview' },
      { type: 'mcp', server_label: 'x' },
      allowed,
    ]) {
      const body = { ...base, tools, tool_choice: choice }
      assert.equal(validateRequest(body), body)
    }
    const flat = { type: 'function', name: 'f' }
    const nested = { type: 'function', function: { name: 'f' } }
    assert.deepEqual(validateRequest({ ...base, tools, tool_choice: nested }).tool_choice, flat)
    const inner = { type: 'allowed_tools', mode: 'required', tools: [nested] }
    const outer = { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [nested] } }
    for (const choice of [inner, outer]) {
      assert.deepEqual(validateRequest({ ...base, tools, tool_choice: choice }).tool_choice, {
        ...inner,
        tools: [flat],
      })
    }
  })

  it('accepts "auto" and "none" without tools', () => {
    validateRequest({ ...base, tool_choice: 'auto' })
    validateRequest({ ...base, tool_choice: 'none', tools: null })
  })

  const badChoices: [unknown, string][] = [
    ['any', 'tool_choice'],
    [1, 'tool_choice'],
    [{}, 'tool_choice.type'],
    [{ type: 'function' }, 'tool_choice.name'],
    [{ type: 'function', name: 'unknown' }, 'tool_choice.name'],
    [{ type: 'function', function: { name: 'unknown' } }, 'tool_choice.name'],
    [{ type: 'custom', name: 'unknown' }, 'tool_choice.name'],
    [{ type: 'allowed_tools' }, 'tool_choice.tools'],
    [{ type: 'allowed_tools', tools: [] }, 'tool_choice.tools'],
    [{ type: 'allowed_tools', mode: 'any', tools: [functionTool] }, 'tool_choice.mode'],
    [{ type: 'allowed_tools', tools: ['f'] }, 'tool_choice.tools[0]'],
    [{ type: 'allowed_tools', tools: [{ type: 'function', name: 'unknown' }] }, 'tool_choice.tools[0].name'],
  ]
  for (const [choice, param] of badChoices) {
    it(`refuses ${JSON.stringify(choice)}`, () => {
      assert.equal(refusal({ ...base, tools, tool_choice: choice }).param, param)
    })
  }

  it('refuses "required" without tools, unless a prompt may bring them', () => {
    assert.equal(refusal({ ...base, tool_choice: 'required' }).param, 'tool_choice')
    validateRequest({ ...base, tool_choice: 'required', prompt: { id: 'p' } })
    validateRequest({ ...base, tool_choice: { type: 'function', name: 'theirs' }, prompt: { id: 'p' } })
  })
})

describe('structured output', () => {
  it('accepts schemas, strict ones only when they can be enforced', () => {
    validateRequest({ ...base, ...schemaFormat({}) })
    validateRequest({ ...base, ...schemaFormat({ strict: null, description: null }) })
    validateRequest({ ...base, ...schemaFormat({ strict: true }) })
    validateRequest({ ...base, ...schemaFormat({ schema: { type: 'nonsense' } }) })
    const { param, message } = refusal({
      ...base,
      ...schemaFormat({ strict: true, schema: { properties: { a: { type: 'nonsense' } } } }),
    })
    assert.equal(param, 'text.format.schema')
    assert.match(message, /#\/properties\/a\/type/)
  })

  for (const [extra, param] of [
    [{ name: undefined }, 'text.format.name'],
    [{ name: '' }, 'text.format.name'],
    [{ name: 'a b' }, 'text.format.name'],
    [{ name: 'x'.repeat(65) }, 'text.format.name'],
    [{ schema: undefined }, 'text.format.schema'],
    [{ schema: [] }, 'text.format.schema'],
    [{ schema: undefined, json_schema: { schema: {} } }, 'text.format.schema'],
    [{ strict: 'yes' }, 'text.format.strict'],
    [{ description: 1 }, 'text.format.description'],
  ] as const) {
    it(`refuses ${JSON.stringify(extra)}`, () => {
      assert.equal(refusal({ ...base, ...schemaFormat(extra) }).param, param)
    })
  }
})

describe('reasoning_effort, as General Augment documents it', () => {
  it('becomes reasoning.effort', () => {
    const request = validateRequest({ ...base, reasoning_effort: 'low', reasoning: { summary: 'auto' } })
    assert.deepEqual(request.reasoning, { summary: 'auto', effort: 'low' })
    assert.equal('reasoning_effort' in request, false)
    assert.deepEqual(validateRequest({ ...base, reasoning_effort: 'high' }).reasoning, { effort: 'high' })
  })
  it('gives way to reasoning.effort, and to null', () => {
    assert.deepEqual(
      validateRequest({ ...base, reasoning_effort: 'low', reasoning: { effort: 'high' } }).reasoning,
      { effort: 'high' },
    )
    assert.equal(validateRequest({ ...base, reasoning_effort: null }).reasoning, undefined)
  })
})

describe('what real clients send', () => {
  const clients: { [name: string]: object } = {
    'the AI SDK: references to earlier items, calls without id': {
      input: [
        { role: 'user', content: [{ type: 'input_text', text: 'x' }] },
        { type: 'item_reference', id: 'msg_1' },
        { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c', output: 'x' },
      ],
    },
    'Codex: namespaces, web_search, ids everywhere, reasoning with null content': {
      instructions: 'x'.repeat(17_000),
      input: [
        { type: 'message', id: 'm1', role: 'developer', content: [{ type: 'input_text', text: 'x' }] },
        { type: 'reasoning', id: 'r1', summary: [], content: null, encrypted_content: 'x' },
        {
          type: 'message',
          id: 'm2',
          role: 'assistant',
          content: [{ type: 'output_text', text: 'x' }],
          phase: 'final_answer',
        },
      ],
      tools: [
        { type: 'namespace', name: 'n', tools: [functionTool] },
        { type: 'web_search' },
        { type: 'custom', name: 'apply_patch', format: {} },
      ],
      tool_choice: 'auto',
      parallel_tool_calls: false,
      reasoning: { effort: 'medium', summary: 'auto' },
      store: false,
      stream: true,
      include: ['reasoning.encrypted_content'],
      prompt_cache_key: 'c0ffee',
      client_metadata: { 'x-codex': '1' },
    },
    'LangChain: text {}, strict null': { text: {}, tools: [{ ...functionTool, strict: null }] },
    'OpenAI Agents: empty lists, stream false': {
      tools: [],
      include: [],
      stream: false,
      input: [user],
      metadata: {},
    },
    '@ai-sdk/open-responses: tool_choice without tools': { tool_choice: 'auto' },
    'opencode and pi: many output tokens': { max_output_tokens: 32_000 },
    'everything null': Object.fromEntries(
      [
        'instructions',
        'tools',
        'tool_choice',
        'text',
        'reasoning',
        'metadata',
        'temperature',
        'top_p',
        'include',
        'stream',
        'store',
        'truncation',
        'service_tier',
        'user',
        'max_tool_calls',
        'background',
        'conversation',
        'prompt',
        'previous_response_id',
        'stream_options',
      ].map((name) => [name, null]),
    ),
  }
  for (const [name, body] of Object.entries(clients)) {
    it(name, () => void validateRequest({ ...base, ...body }))
  }

  it('accepts a replayed output of every recording', (t) => {
    const recordings = join(import.meta.dirname, '../../../../shared/recordings')
    if (!existsSync(recordings)) return t.skip('the recordings are not on this machine')
    for (const name of [
      'openai-phase.1',
      'openai-web-search-tool.1',
      'openai-custom-tool.1',
      'openai-mcp-tool-approval.1',
      'openai-shell-tool.1',
      'openai-reasoning-encrypted-content.1',
      'lmstudio-tool-call.1',
      'openai-compaction.1',
    ]) {
      const { output } = JSON.parse(readFileSync(join(recordings, `${name}.json`), 'utf8'))
      validateRequest({ model: 'm', input: [user, ...output] })
    }
  })

  it('knows every field of the contract', (t) => {
    const file = join(import.meta.dirname, '../../../../shared/spec/open-responses-2026-04-24.openapi.json')
    if (!existsSync(file)) return t.skip('the specification is not on this machine')
    const { properties } = JSON.parse(readFileSync(file, 'utf8')).components.schemas.CreateResponseBody
    for (const field of Object.keys(properties)) {
      // No field takes a function-like object without members of its own but conversation; all refuse a wrong kind.
      const wrong = field === 'metadata' ? { a: 1 } : [{ not: 'this' }]
      assert.ok(refusal({ ...base, [field]: wrong }).param?.startsWith(field), field)
    }
  })
})
