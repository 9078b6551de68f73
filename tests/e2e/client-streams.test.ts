/** What clients read off the wire, byte by byte, and the specification's own schemas, for every variant. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { isObject, type JsonObject } from '../../translators/shared/canonical.ts'
import { variantTargets } from '../conformance/targets.ts'
import { assertLegalStream, assertResponse } from '../support/legal-stream.ts'
import { postRaw, readEvents } from '../support/read-stream.ts'
import { loadSpecification, specificationFile } from '../support/specification.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

const specification = loadSpecification()
const tools = [
  {
    type: 'function',
    name: 'get_weather',
    description: 'The weather.',
    parameters: { type: 'object', properties: {} },
  },
]
const requests: { readonly [name: string]: JsonObject } = {
  text: { input: '/count 30' },
  'text beyond ASCII': { input: 'Grüße 你好 🙂' },
  'a tool call': { input: '/call', tools },
  reasoning: { input: '/reason one two', reasoning: { effort: 'low' } },
  'an incomplete answer': { input: '/incomplete /count 20' },
}

let gateway: TestGateway
before(async () => {
  gateway = await startGateway()
})
after(() => gateway.close())

it('the specification is there', (t) => {
  if (specification === null) t.skip(`no specification: ${specificationFile}`)
})

for (const { variant, model, streams } of variantTargets) {
  describe(variant, () => {
    for (const [name, params] of Object.entries(requests)) {
      it(`sends each event whole in one write: ${name}`, async () => {
        const { status, headers, writes } = await postRaw(gateway.origin, { ...params, model, stream: true })
        assert.equal(status, 200)
        assert.match(headers['content-type'] ?? '', /^text\/event-stream/)
        assert.equal(headers['content-encoding'], undefined)
        assert.match(headers['cache-control'] ?? '', /no-cache.*no-transform/)
        assert.equal(headers['x-accel-buffering'], 'no')
        for (const header of ['x-request-id', 'x-dragoman-provider', 'server-timing'])
          assert.ok(headers[header], header)
        for (const write of writes) {
          assert.doesNotMatch(write, /\r/)
          assert.match(write, /^(?:event: |data: |: )/)
          assert.ok(write.endsWith('\n\n'))
        }
        assertLegalStream(readEvents(writes.join('')))
      })
      it(`keeps to the specification: ${name}`, { skip: specification === null }, async () => {
        const answers = await Promise.all(
          [true, false].map(async (stream) => {
            const answer = await gateway.post(
              { ...params, model, stream },
              { 'x-dragoman-events': 'open-responses' },
            )
            assert.equal(answer.status, 200)
            return answer.text()
          }),
        )
        const events = readEvents(answers[0] as string)
        for (const event of events) specification?.event(event)
        const final = assertLegalStream(events, { dialect: 'open-responses' })
        const response = JSON.parse(answers[1] as string) as JsonObject
        for (const object of [final, response]) {
          specification?.response(object)
          assertResponse(object, name === 'an incomplete answer' ? 'incomplete' : 'completed')
        }
      })
    }

    it('says a failure in mid-stream in both spellings, the specification its own', async () => {
      const body = { model, input: '/fail-midstream /count 40', stream: true }
      if (!streams) {
        assert.equal((await gateway.post(body)).status, 502)
        return
      }
      for (const dialect of ['openai', 'open-responses'] as const) {
        const answer = await gateway.post(body, { 'x-dragoman-events': dialect })
        const events = readEvents(await answer.text())
        assertLegalStream(events, { dialect })
        const event = events.at(-2) as JsonObject
        assert.ok(isObject(event.error))
        const { code, message, param } = event.error
        assert.deepEqual(
          { code: event.code, message: event.message, param: event.param },
          dialect === 'openai'
            ? { code, message, param }
            : { code: undefined, message: undefined, param: undefined },
        )
        if (dialect === 'open-responses') specification?.event(event)
        assert.equal(events.at(-1)?.type, 'response.failed')
      }
    })

    it('answers a failure before the first event with its status and a JSON body', async () => {
      const answer = await gateway.post({ model, input: '/fail 400', stream: true })
      assert.equal(answer.status, 400)
      assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
      const body = (await answer.json()) as JsonObject
      assert.deepEqual(Object.keys(body.error as object).sort(), ['code', 'message', 'param', 'type'])
    })
  })
}

it('keeps a silent stream alive with comments alone', async (t) => {
  // One of its own: a ping opens an answer, which elsewhere has to tell of a failure by its status.
  const pinging = await startGateway({ configure: (config) => ({ ...config, stream: { pingSeconds: 1 } }) })
  t.after(() => pinging.close())
  const { writes } = await postRaw(pinging.origin, {
    model: 'openai/gpt-5-mini',
    input: '/slow 1500 /count 1',
    stream: true,
  })
  const comments = writes.filter((write) => write.startsWith(':'))
  assert.ok(comments.length > 0)
  for (const comment of comments) assert.match(comment, /^: [^\n]*\n\n$/)
  assertLegalStream(readEvents(writes.join('')))
})
