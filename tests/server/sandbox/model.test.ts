import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { loadConfig } from '../../../server/config/load.ts'
import { type Sandbox, sandboxCommands, startSandbox } from '../../../server/sandbox/index.ts'
import { makeInstance } from '../../../server/sandbox/schema-instance.ts'
import type { JsonObject } from '../../../translators/shared/canonical.ts'
import { type Door, doors, post, textOf, weatherTool } from './helpers.ts'

let sandbox: Sandbox
before(async () => {
  sandbox = await startSandbox()
})
after(() => sandbox.close())

const all = Object.keys(doors) as Door[]
const ask = async (body: JsonObject, door: Door = 'openai') => (await post(sandbox.origin, door, body)).json
const items = (response: JsonObject, type: string) =>
  (response.output as JsonObject[]).filter((item) => item.type === type)

test('echoes by default and says that it is the sandbox, everywhere', async () => {
  for (const door of all)
    assert.match(
      textOf(await ask({ input: 'good morning' }, door)),
      /^You said: good morning\n\n\(sandbox/,
      door,
    )
})

test('/help tells every command', async () => {
  const text = textOf(await ask({ input: '/help' }))
  assert.ok(sandboxCommands.length >= 18)
  for (const { command, what } of sandboxCommands) assert.ok(text.includes(`${command} — ${what}`))
})

test('/call makes arguments that fit the schema, or takes those given, and answers with the output', async () => {
  for (const door of all) {
    const call = items(await ask({ input: '/call', tools: [weatherTool] }, door), 'function_call')[0]
    assert.deepEqual(JSON.parse(String(call?.arguments)), { city: 'city', days: 2 }, door)
  }
  const given = await ask({ input: '/call get_weather {"city":"Oslo","days":3}', tools: [weatherTool] })
  const [call] = items(given, 'function_call')
  assert.equal(call?.arguments, '{"city":"Oslo","days":3}')
  const output = { type: 'function_call_output', call_id: call?.call_id, output: 'sunny' }
  for (const door of all) {
    const input: JsonObject[] = [
      { role: 'user', content: '/call get_weather' },
      { ...call, id: undefined },
      output,
    ]
    assert.equal(textOf(await ask({ input, tools: [weatherTool] }, door)), 'The tool says: sunny', door)
  }
})

test('tool_choice and parallel_tool_calls are obeyed', async () => {
  const other = { ...weatherTool, name: 'other' }
  const tools = [weatherTool, other]
  const names = (response: JsonObject) => items(response, 'function_call').map((item) => item.name)
  assert.deepEqual(names(await ask({ input: 'x', tools, tool_choice: 'required' })), ['get_weather'])
  assert.deepEqual(
    names(await ask({ input: 'x', tools, tool_choice: { type: 'function', name: 'other' } })),
    ['other'],
  )
  assert.deepEqual(names(await ask({ input: '/call', tools, tool_choice: 'none' })), [])
  assert.deepEqual(names(await ask({ input: '/call-all', tools })), ['get_weather', 'other'])
  assert.deepEqual(names(await ask({ input: '/call-all', tools, parallel_tool_calls: false })), [
    'get_weather',
  ])
  assert.deepEqual(names(await ask({ input: '/call-all', tools, parallel_tool_calls: false }, 'scaleway')), [
    'get_weather',
    'other',
  ])
  const builtin = await ask({ input: '/call web_search', tools: [{ type: 'web_search' }] })
  assert.equal(items(builtin, 'web_search_call').length, 1)
})

test('JSON for a schema is valid; /bad-json breaks it', async () => {
  const schema = {
    type: 'object',
    properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 3 } },
    required: ['name', 'age'],
    additionalProperties: false,
  }
  const text = { format: { type: 'json_schema', name: 'person', schema, strict: true } }
  const valid = new Ajv2020().compile(schema)
  for (const door of all) assert.ok(valid(JSON.parse(textOf(await ask({ input: 'x', text }, door)))), door)
  assert.equal(valid(JSON.parse(textOf(await ask({ input: '/bad-json', text }, 'scaleway')))), false)
  assert.equal(
    JSON.parse(textOf(await ask({ input: 'x', text: { format: { type: 'json_object' } } }))).you_said,
    'x',
  )
})

test('instances fit their schemas', () => {
  const ajv = new Ajv2020({ strict: false, formats: { email: /@/, date: /^\d{4}-\d\d-\d\d$/ } })
  const schemas: JsonObject[] = [
    { type: 'array', items: { type: 'string', minLength: 5, maxLength: 6 }, minItems: 3, uniqueItems: true },
    {
      type: 'object',
      required: ['a'],
      properties: { a: { anyOf: [{ $ref: '#/$defs/x' }, { type: 'null' }] } },
      $defs: { x: { enum: [7] } },
    },
    {
      $ref: '#/$defs/node',
      $defs: {
        node: {
          type: 'object',
          required: ['next'],
          properties: { next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } },
        },
      },
    },
    {
      allOf: [
        { type: 'object', properties: { a: { const: 1 } }, required: ['a'] },
        { properties: { b: { type: 'boolean' } }, required: ['b'] },
      ],
    },
    { type: 'number', exclusiveMinimum: 10, multipleOf: 2.5 },
    { type: 'integer', minimum: -9, maximum: -3 },
    { type: ['null', 'string'], format: 'email' },
    { type: 'string', pattern: '^[A-Z]{2}$' },
    { type: 'object', required: ['d'], properties: { d: { type: 'string', format: 'date' } } },
    { type: 'array', prefixItems: [{ type: 'string' }, { type: 'integer' }], minItems: 2 },
  ]
  for (const schema of schemas) {
    const instance = makeInstance(schema)
    assert.ok(
      ajv.validate(schema, instance),
      `${JSON.stringify(instance)} does not fit ${JSON.stringify(schema)}`,
    )
  }
})

test('reasons, refuses, stops short, counts', async () => {
  const reasoned = await ask({ input: '/reason deep thought' }, 'sail')
  assert.match(JSON.stringify(items(reasoned, 'reasoning')), /deep thought/)
  assert.equal(items(await ask({ input: 'x', reasoning: { effort: 'low' } }), 'reasoning').length, 1)
  assert.equal(items(await ask({ input: 'x' }), 'reasoning').length, 0)
  assert.equal(textOf(await ask({ input: '/refuse' })), 'I am sorry, but I cannot help with that.')
  const short = await ask({ input: '/count 100', max_output_tokens: 16 })
  assert.deepEqual([short.status, textOf(short)], ['incomplete', '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16'])
  assert.deepEqual((short.usage as JsonObject).output_tokens, 16)
  const spent = await ask({ input: 'x', max_output_tokens: 2 }, 'scaleway')
  assert.deepEqual([spent.status, items(spent, 'message').length], ['incomplete', 0])
  const usage = (await ask({ input: 'one two three', instructions: 'four' })).usage as JsonObject
  assert.equal(usage.input_tokens, 4)
})

test('/fail takes a status, everywhere or at one provider', async () => {
  for (const door of all)
    for (const status of [400, 418, 429, 500, 503]) {
      const answer = await post(sandbox.origin, door, { input: `/fail ${status}`, stream: door !== 'sail' })
      assert.equal(answer.status, status, door)
      if (status === 429)
        assert.ok(answer.headers.has('retry-after') || answer.headers.has('retry-after-ms'), door)
    }
  assert.equal((await post(sandbox.origin, 'sail', { input: '/fail 500 scaleway' })).status, 200)
  assert.equal((await post(sandbox.origin, 'scaleway', { input: '/fail 500 scaleway' })).status, 500)
})

test('/images, /system, /history and /whoami tell what arrived', async () => {
  const image = { type: 'input_image', image_url: 'data:image/png;base64,AA==' }
  const content = [{ type: 'input_text', text: '/images' }, image, image]
  assert.equal(textOf(await ask({ input: [{ role: 'user', content }] })), 'I got 2 images and 0 files.')
  const input = [
    { role: 'system', content: 'rule' },
    { role: 'user', content: 'a' },
    { role: 'assistant', content: 'b' },
    { role: 'user', content: '/history' },
  ]
  assert.equal(textOf(await ask({ input })), 'system: rule\nuser: a\nassistant: b\nuser: /history')
  assert.equal(
    textOf(
      await ask({
        input: [
          { role: 'system', content: 'late' },
          { role: 'user', content: '/system' },
        ],
        instructions: 'first',
      }),
    ),
    'first\nlate',
  )
  assert.equal(
    textOf(await ask({ input: '/whoami' }, 'scaleway')),
    'provider scaleway, model gpt-oss-120b, project p-1',
  )
  assert.equal(
    textOf(await ask({ input: '/whoami' }, 'augment')),
    'provider augment, model balanced, project p-2',
  )
})

test('requests are recorded, models listed, and the configuration points here', async () => {
  await ask({ input: 'look at me' }, 'azure')
  const record = sandbox.requests.at(-1)
  assert.deepEqual(
    [record?.provider, record?.variant, record?.status, record?.path],
    ['azure', 'deployment', 200, '/azure/openai/v1/responses'],
  )
  assert.deepEqual(record?.body, { model: 'gpt-5.2', input: 'look at me' })
  for (const [name, { baseUrl, ...provider }] of Object.entries(sandbox.config.providers)) {
    assert.ok(baseUrl.startsWith(`${sandbox.origin}/`))
    const headers: Record<string, string> =
      'apiKey' in provider
        ? { authorization: `Bearer ${provider.apiKey}` }
        : { 'x-admin-key': provider.adminKey }
    const response = await fetch(`${baseUrl}/models`, { headers })
    assert.equal(response.status, 200, name)
    const list = (await response.json()) as { data: { id: string }[] }
    const targets = Object.values(sandbox.config.models).flatMap((model) => model.targets)
    for (const target of targets.filter((one) => one.provider === name && one.model !== '*'))
      assert.ok(
        list.data.some((model) => model.id === target.model),
        target.model,
      )
  }
})

test('the configuration loads, every provider available', () => {
  const runtime = loadConfig({ config: sandbox.config, source: 'sandbox' })
  assert.deepEqual([...runtime.providers.keys()], Object.keys(doors))
  assert.ok([...runtime.providers.values()].every((provider) => provider.missing.length === 0))
  assert.equal(runtime.models.length, Object.keys(sandbox.config.models).length)
})
