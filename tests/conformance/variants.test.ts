/** One suite that every variant passes: the whole way from OpenAI's SDK through the gateway to a simulated provider and back. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import OpenAI from 'openai'
import type { ResponseInput, Tool } from 'openai/resources/responses/responses'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'
import { ask, callsOf, textOf } from './ask.ts'
import { personFormat } from './formats.ts'
import { variantTargets } from './targets.ts'

const weather: Tool = {
  type: 'function',
  name: 'get_weather',
  description: 'The weather of a city.',
  strict: true,
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
}
const clock: Tool = {
  type: 'function',
  name: 'get_time',
  strict: false,
  parameters: { type: 'object', properties: { zone: { type: 'string' } } },
}
const pixel =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

let gateway: TestGateway
let client: OpenAI

before(async () => {
  gateway = await startGateway()
  client = new OpenAI({ baseURL: `${gateway.origin}/v1`, apiKey: 'none', maxRetries: 0 })
})
after(() => gateway.close())

for (const target of variantTargets) {
  const { model } = target
  describe(`${target.variant} as ${model}`, () => {
    it('answers text, with usage, the model asked for and every member of the contract', async () => {
      const { response } = await ask(client, { model, input: '/count 5' })
      assert.equal(textOf(response), '1 2 3 4 5')
      assert.equal(response.output_text, '1 2 3 4 5')
      assert.equal(response.status, 'completed')
      assert.equal(response.model, model)
      assert.match(response.id, /^resp_/)
      const { usage } = response
      assert.ok(usage !== undefined && usage !== null)
      assert.ok(usage.input_tokens > 0 && usage.output_tokens > 0)
      assert.equal(usage.total_tokens, usage.input_tokens + usage.output_tokens)
    })
    it('takes instructions', async () => {
      const { response } = await ask(client, {
        model,
        instructions: 'Speak like a pirate.',
        input: '/system',
      })
      assert.match(textOf(response), /Speak like a pirate\./)
    })
    it('keeps the order of a history with every role', async () => {
      const input: ResponseInput = [
        { role: 'system', content: 'rule one' },
        { role: 'user', content: 'first question' },
        { type: 'message', role: 'assistant', content: 'first answer' },
        { role: 'developer', content: 'rule two' },
        { role: 'user', content: [{ type: 'input_text', text: '/history' }] },
      ]
      const { response } = await ask(client, { model, input })
      const text = textOf(response)
      const positions = ['rule one', 'first question', 'first answer', 'rule two', '/history'].map((part) =>
        text.indexOf(part),
      )
      assert.ok(
        positions.every((position) => position >= 0),
        text,
      )
      assert.deepEqual(
        positions,
        [...positions].sort((a, b) => a - b),
        text,
      )
    })
    it('takes images, or says that it left them out', async () => {
      const input: ResponseInput = [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: '/images' },
            { type: 'input_image', image_url: pixel, detail: 'auto' },
          ],
        },
      ]
      if (target.images === 'refused') {
        await assert.rejects(ask(client, { model, input }), (error) => {
          assert.ok(error instanceof OpenAI.BadRequestError)
          assert.match(error.message, /image/)
          return true
        })
        return
      }
      const { response } = await ask(client, { model, input })
      assert.match(textOf(response), /\b1 image/)
    })
    it('calls one tool', async () => {
      const { response } = await ask(client, {
        model,
        input: '/call get_weather {"city":"Oslo"}',
        tools: [weather],
      })
      const calls = callsOf(response)
      assert.equal(calls.length, 1)
      assert.equal(calls[0]?.name, 'get_weather')
      assert.deepEqual(JSON.parse(calls[0]?.arguments ?? ''), { city: 'Oslo' })
      assert.ok((calls[0]?.call_id ?? '') !== '')
    })
    it('calls tools in parallel, and only one where that is asked', async () => {
      const both = await ask(client, { model, input: '/call-all', tools: [weather, clock] })
      assert.deepEqual(
        callsOf(both.response).map(({ name }) => name),
        ['get_weather', 'get_time'],
      )
      assert.equal(new Set(callsOf(both.response).map(({ call_id }) => call_id)).size, 2)
      const one = await ask(client, {
        model,
        input: '/call-all',
        tools: [weather, clock],
        parallel_tool_calls: false,
      })
      assert.equal(callsOf(one.response).length, 1)
    })
    it('honours max_tool_calls', async () => {
      const { response } = await ask(client, {
        model,
        input: '/call-all',
        tools: [weather, clock],
        max_tool_calls: 1,
      })
      assert.equal(callsOf(response).length, 1)
    })
    it('obeys tool_choice: required, a function, none, allowed_tools', async () => {
      const tools = [weather, clock]
      const required = await ask(client, { model, input: 'hello', tools, tool_choice: 'required' })
      assert.equal(callsOf(required.response).length, 1)
      const forced = await ask(client, {
        model,
        input: 'hello',
        tools,
        tool_choice: { type: 'function', name: 'get_time' },
      })
      assert.deepEqual(
        callsOf(forced.response).map(({ name }) => name),
        ['get_time'],
      )
      const none = await ask(client, { model, input: 'hello', tools, tool_choice: 'none' })
      assert.deepEqual(callsOf(none.response), [])
      assert.notEqual(textOf(none.response), '')
      const allowed = await ask(client, {
        model,
        input: '/call-all',
        tools,
        tool_choice: {
          type: 'allowed_tools',
          mode: 'auto',
          tools: [{ type: 'function', name: 'get_weather' }],
        },
      })
      assert.deepEqual(
        callsOf(allowed.response).map(({ name }) => name),
        ['get_weather'],
      )
    })
    it('carries a tool round trip', async () => {
      const first = await ask(client, { model, input: '/call get_weather {"city":"Oslo"}', tools: [weather] })
      const [call] = callsOf(first.response)
      assert.ok(call)
      const second = await ask(client, {
        model,
        tools: [weather],
        input: [
          { role: 'user', content: 'What is the weather in Oslo?' },
          ...(first.response.output as ResponseInput),
          { type: 'function_call_output', call_id: call.call_id, output: 'minus 4 degrees' },
        ],
      })
      assert.match(textOf(second.response), /minus 4 degrees/)
      assert.deepEqual(callsOf(second.response), [])
    })
    it('gives JSON for a strict schema, and fails clearly when the model breaks it', async () => {
      const text = { format: personFormat }
      const { response } = await ask(client, { model, input: 'a person', text })
      const value = JSON.parse(textOf(response)) as { name: unknown; age: unknown }
      assert.equal(typeof value.name, 'string')
      assert.equal(typeof value.age, 'number')
      if (!target.breaksSchemas) return
      await assert.rejects(client.responses.create({ model, input: '/bad-json', text }), (error) => {
        assert.ok(error instanceof OpenAI.InternalServerError)
        assert.equal(error.code, 'invalid_structured_output')
        return true
      })
    })
    it('reasons, in order before the answer', async () => {
      const { response } = await ask(client, {
        model,
        input: '/reason It is simple.',
        reasoning: { effort: 'low' },
      })
      const types = response.output.map(({ type }) => type)
      assert.deepEqual(types, ['reasoning', 'message'])
    })
    it('passes a refusal on as a refusal', async () => {
      const { response } = await ask(client, { model, input: '/refuse' })
      const parts = response.output.flatMap((item) => (item.type === 'message' ? item.content : []))
      if (target.refusal === 'text') assert.match(textOf(response), /cannot help/)
      else
        assert.deepEqual(
          parts.map(({ type }) => type),
          ['refusal'],
        )
    })
    it('is incomplete when the tokens run out', async () => {
      const { response } = await ask(client, { model, input: '/incomplete' })
      assert.equal(response.status, 'incomplete')
      assert.deepEqual(response.incomplete_details, { reason: 'max_output_tokens' })
      assert.equal(response.output.at(-1)?.type, 'message')
      assert.equal((response.output.at(-1) as { status?: string }).status, 'incomplete')
    })
    it('tells every failure in the contract, before the first event and in mid-stream', async () => {
      for (const status of [400, 401, 403, 404, 422, 429, 500, 502, 503, 504]) {
        const answer = await gateway.post({ model, input: `/fail ${status}`, stream: status % 2 === 0 })
        const body = (await answer.json()) as { error: Record<string, unknown> }
        // A refused credential is the operator's to mend, and a bare 500 says that the provider broke: both are a bad gateway.
        const expected =
          { 401: 502, 403: 502, 404: target.bareErrors ? 502 : 404, 422: 400, 500: 502 }[status] ?? status
        assert.equal(answer.status, expected, `${status}: ${JSON.stringify(body)}`)
        assert.deepEqual(Object.keys(body.error).sort(), ['code', 'message', 'param', 'type'])
        assert.equal(typeof body.error.message, 'string')
        assert.equal(typeof body.error.type, 'string')
      }
      if (!target.streams) return
      for (const input of ['/fail-midstream one two three', '/cut one two three']) {
        const answer = await gateway.post({ model, input, stream: true })
        assert.equal(answer.status, 200)
        const text = await answer.text()
        assert.match(text, /event: error\n/, input)
        assert.match(text, /event: response\.failed\n[^\n]*\n\ndata: \[DONE\]\n\n$/, input)
      }
    })
    it('is read by the SDK: parse, and errors by their class', async () => {
      const parsed = await client.responses.parse({
        model,
        input: 'a person',
        text: { format: personFormat },
      })
      const person = parsed.output_parsed as { name?: unknown; age?: unknown } | null
      assert.equal(typeof person?.name, 'string')
      const classes = {
        400: OpenAI.BadRequestError,
        429: OpenAI.RateLimitError,
        500: OpenAI.InternalServerError,
      }
      for (const [status, expected] of Object.entries(classes)) {
        await assert.rejects(client.responses.create({ model, input: `/fail ${status}` }), (error) => {
          assert.ok(error instanceof expected, `${status}: ${String(error)}`)
          return typeof error.code === 'string' && error.requestID !== null
        })
      }
    })
    it('records what happened', async () => {
      const { response } = await ask(client, { model, input: '/count 3', presence_penalty: 0.5 } as never)
      const found = await gateway.admin<Record<string, unknown>>(`/admin/requests/${response.id}`)
      assert.equal(found.model, model)
      assert.equal(found.provider, target.provider)
      assert.equal(found.status, 'completed')
      assert.equal(found.http_status, 200)
      assert.equal(found.output_tokens, response.usage?.output_tokens)
      for (const side of ['client_request', 'upstream_request', 'upstream_response', 'client_response']) {
        const { headers, body } = found[side] as {
          headers: Record<string, string>
          body: { text: string | null; bytes: number }
        }
        assert.ok(headers['content-type'], side)
        assert.ok(body.text !== null && body.bytes > 0, side)
      }
    })
  })
}
