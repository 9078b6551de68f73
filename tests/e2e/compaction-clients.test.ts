/**
 * Compaction as clients use it: those that drop all that stood before the compaction, as OpenAI's agents do, and those
 * that ask for it with `compaction_trigger` at the end of an input, as Codex does.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import OpenAI from 'openai'
import type { Response, ResponseInputItem } from 'openai/resources/responses/responses'
import { type CanonicalEvent, type Item, isObject } from '../../translators/shared/canonical.ts'
import { textOf } from '../conformance/ask.ts'
import { variantTargets } from '../conformance/targets.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

const native = 'openai/gpt-5.2'
const trigger = { type: 'compaction_trigger' } as unknown as ResponseInputItem

let gateway: TestGateway
let client: OpenAI
before(async () => {
  gateway = await startGateway()
  client = new OpenAI({ baseURL: `${gateway.origin}/v1`, apiKey: 'none', maxRetries: 0 })
})
after(() => gateway.close())

function say(content: string): ResponseInputItem {
  return { type: 'message', role: 'user', content: [{ type: 'input_text', text: content }] }
}

/** What the model was given, a line an item, before it was asked to repeat it. */
async function historyOf(model: string, input: ResponseInputItem[], previous?: string): Promise<string> {
  const response = await client.responses.create({
    model,
    input: [...input, say('/history')],
    previous_response_id: previous ?? null,
  })
  return textOf(response)
}

const countOf = (text: string, part: string) => text.split(part).length - 1

/** The only item of the output, as the next input has it. */
function compactionOf({ status, output }: Pick<Response, 'status' | 'output'>): ResponseInputItem {
  assert.equal(status, 'completed')
  const [item, ...more] = output as unknown as (Item & { encrypted_content: string })[]
  assert.deepEqual(more, [])
  assert.equal(item?.type, 'compaction')
  assert.match(item.encrypted_content, /^dgm1\./)
  return item as unknown as ResponseInputItem
}

/** Bodies of the calls that reached a provider since. */
function bodiesSince(count: number): unknown[] {
  return gateway.sandbox.requests.slice(count).map(({ body }) => (isObject(body) ? body.input : null))
}

for (const { variant, model } of variantTargets) {
  describe(`a compaction over ${variant}`, () => {
    it('needs nothing of what stood before it', async () => {
      const first = await client.responses.create({ model, input: 'My cat is called Miez.' })
      const { output } = await client.responses.compact({
        model: model as 'gpt-5.2',
        previous_response_id: first.id,
      })
      const told = await historyOf(model, output.slice(-1) as unknown as ResponseInputItem[])
      assert.equal(countOf(told, 'user: My cat is called Miez.'), 1, told)
      // Whose own it is tells its provider everything, also what is told beside it.
      if (model === native) return
      const whole = await historyOf(model, output as unknown as ResponseInputItem[])
      assert.equal(countOf(whole, 'user: My cat is called Miez.'), 1, whole)
    })

    it('is what a trigger is answered with, as JSON', async () => {
      const first = await client.responses.create({ model, input: 'My cat is called Miez.' })
      const before = gateway.sandbox.requests.length
      const asked = await client.responses.create({
        model,
        store: false,
        input: [say('My cat is called Miez.'), ...(first.output as ResponseInputItem[]), trigger],
      })
      const item = compactionOf(asked)
      assert.equal(JSON.stringify(bodiesSince(before)).includes('compaction_trigger'), model === native)
      const told = await historyOf(model, [say('My cat is called Miez.'), item, say('I live in Graz.')])
      assert.match(told, /user: My cat is called Miez\./)
      assert.equal(countOf(told, 'user: I live in Graz.'), 1, told)
      assert.equal(countOf(told, 'Summary of the conversation so far'), model === native ? 0 : 1, told)
    })

    it('is what a trigger is answered with, as a stream, and the chain goes on from it', async () => {
      const first = await client.responses.create({ model, input: 'My cat is called Miez.' })
      const events: CanonicalEvent[] = []
      const stream = await client.responses.create({
        model,
        stream: true,
        previous_response_id: first.id,
        input: [say('I live in Graz.'), trigger],
      })
      for await (const event of stream) events.push(event as unknown as CanonicalEvent)
      const final = assertLegalStream(events) as unknown as Response
      compactionOf(final)
      const told = await historyOf(model, [], final.id)
      for (const words of ['My cat is called Miez.', 'I live in Graz.']) assert.match(told, new RegExp(words))
      if (model === native) return
      assert.equal(countOf(told, 'user: My cat is called Miez.'), 1, told)
      assert.equal(countOf(told, `assistant: ${textOf(first)}`), 0, 'what was summed up is not told again')
    })
  })
}

describe('a trigger', () => {
  it('goes with the turn into the record, and is named', async () => {
    const { response } = await client.responses
      .create({ model: 'azure/gpt-5.2', input: [say('hello'), trigger] })
      .withResponse()
    assert.match(
      response.headers.get('x-dragoman-adaptations') ?? '',
      /emulated:input\.compaction_trigger=a summary/,
    )
    assert.equal(response.headers.get('x-dragoman-provider'), 'azure')
  })
  it('with nothing before it is a 400', async () => {
    await assert.rejects(client.responses.create({ model: 'azure/gpt-5.2', input: [trigger] }), {
      status: 400,
      param: 'input',
    })
  })
  it('that no model answers is an error, before and in a stream', async () => {
    const down = await startGateway({
      configure: ({ providers, ...config }) => {
        const { azure, ...rest } = providers as Record<string, object>
        return { ...config, providers: { ...rest, azure: { ...azure, baseUrl: 'http://127.0.0.1:1/v1' } } }
      },
    })
    try {
      for (const stream of [false, true]) {
        const answer = await down.post({ model: 'azure/gpt-5.2', stream, input: [say('hello'), trigger] })
        assert.equal(answer.status, 502)
      }
    } finally {
      await down.close()
    }
  })
  it('keeps calls and outputs together over the next turns', async () => {
    const model = 'azure/gpt-5.2'
    const tools = [
      {
        type: 'function' as const,
        name: 'look',
        description: null,
        strict: false,
        parameters: { type: 'object' },
      },
    ]
    const asked = await client.responses.create({ model, tools, input: '/call look {}' })
    const call = asked.output.find((item) => item.type === 'function_call')
    assert.ok(call)
    const compacted = await client.responses.create({
      model,
      previous_response_id: asked.id,
      input: [trigger],
    })
    compactionOf(compacted)
    const answered = await client.responses.create({
      model,
      tools,
      previous_response_id: compacted.id,
      input: [{ type: 'function_call_output', call_id: call.call_id, output: 'seen' }, say('/history')],
    })
    assert.match(textOf(answered), /output call_\w+: seen/)
  })
})
