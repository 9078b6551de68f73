/** Real streams and answers of providers: translated, they are legal and lose nothing; cut anywhere, they end once. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  type CanonicalResponse,
  type Item,
  isObject,
  type JsonObject,
} from '../../translators/shared/canonical.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { contentOf, disconnected, makeContext, runBody, runStream } from './support/translate.ts'

const folder = fileURLToPath(new URL('../../../shared/recordings/', import.meta.url))
const files = existsSync(folder) ? readdirSync(folder).sort() : []

test('the recordings are there', (t) => {
  if (files.length === 0) t.skip(`no recordings: ${folder} is absent`)
})

/** Some recordings hold two responses one after another: each is a stream of its own. */
function readStreams(file: string): string[][] {
  const streams: string[][] = []
  for (const line of readFileSync(`${folder}${file}`, 'utf8').split('\n')) {
    if (line.trim() === '') continue
    if (line.includes('"type":"response.created"') || line.includes('"type": "response.created"'))
      streams.push([])
    streams.at(-1)?.push(line)
  }
  return streams
}

interface Expected {
  output: Item[]
  usage: JsonObject | null
  isFailed: boolean
}

/** One recording lacks the closing brace of two lines. */
function parseLine(line: string): JsonObject {
  try {
    return JSON.parse(line) as JsonObject
  } catch {
    return JSON.parse(`${line}}`) as JsonObject
  }
}

/** What a recorded stream says: its finished items (the final object encrypts reasoning anew), else its final object. */
function readExpected(lines: readonly string[]): Expected {
  const events = lines.map(parseLine)
  const last = events.at(-1)?.response as JsonObject
  const done = events
    .filter((event) => event.type === 'response.output_item.done')
    .map((event) => event.item as Item)
  const whole = last.output as Item[]
  const output = done.length >= whole.length ? done : whole
  return {
    output,
    usage: isObject(last.usage) ? last.usage : null,
    isFailed: events.at(-1)?.type === 'response.failed',
  }
}

/** The provider's items as they should look here: parts with the lists that every text part has. */
function normalise(output: readonly Item[]): unknown {
  const items = output.map((item) => {
    const copy: JsonObject = { ...item }
    if (item.type === 'message') {
      copy.content = (item.content as JsonObject[]).map((part) => ({
        annotations: [],
        ...part,
        logprobs: part.logprobs ?? [],
      }))
    }
    if (item.type === 'reasoning' && Array.isArray(copy.content) && copy.content.length === 0)
      delete copy.content
    return copy
  })
  return contentOf(items)
}

function assertSameUsage(final: CanonicalResponse, told: JsonObject | null): void {
  if (told === null) {
    assert.equal(final.usage, null)
    return
  }
  assert.equal(final.usage?.input_tokens, told.input_tokens)
  assert.equal(final.usage?.output_tokens, told.output_tokens)
  assert.equal(final.usage?.total_tokens, told.total_tokens)
  const input = told.input_tokens_details as JsonObject
  const output = told.output_tokens_details as JsonObject
  assert.equal(final.usage?.input_tokens_details.cached_tokens, input.cached_tokens)
  assert.equal(final.usage?.output_tokens_details.reasoning_tokens, output.reasoning_tokens)
}

const streams = files
  .filter((file) => file.endsWith('.chunks.txt'))
  .flatMap((file) => readStreams(file).map((lines, index) => ({ name: `${file} #${index + 1}`, lines })))

for (const { name, lines } of streams) {
  const expected = readExpected(lines)

  for (const dialect of ['openai', 'open-responses'] as const) {
    test(`${name} translates whole (${dialect})`, () => {
      const context = makeContext({ events: dialect })
      const { events, final, failure } = runStream([...lines, '[DONE]'], { context })
      if (expected.isFailed) {
        assert.deepEqual(events, [])
        assert.ok(failure)
        return
      }
      assert.equal(failure, null)
      assert.deepEqual(assertLegalStream(events, { dialect }), final)
      assert.equal(final?.status, 'completed')
      assert.deepEqual(contentOf(final.output), normalise(expected.output))
      assertSameUsage(final, expected.usage)
      if (!name.startsWith('parallel')) assert.deepEqual(context.notes, [], 'nothing had to be repaired')
    })
  }

  test(`${name} ends once, cut after every line`, () => {
    for (let kept = 0; kept < lines.length; kept++) {
      const { events, final, failure } = runStream(lines.slice(0, kept), { cut: disconnected })
      if (failure !== null) {
        assert.deepEqual(events, [])
        assert.equal(final, null)
        continue
      }
      assert.equal(assertLegalStream(events).status, 'failed', `cut after line ${kept}`)
    }
    const whole = runStream(lines, { cut: disconnected })
    if (!expected.isFailed) assert.equal(assertLegalStream(whole.events).status, 'completed')
  })
}

for (const file of files.filter((name) => name.endsWith('.json'))) {
  test(`${file} translates as a body`, () => {
    const body = JSON.parse(readFileSync(`${folder}${file}`, 'utf8')) as JsonObject
    const { events, final, failure, pending, facts } = runBody(body)
    assert.equal(pending, null)
    if (isObject(body.error)) {
      assert.equal(failure?.code, body.error.code)
      assert.deepEqual(events, [])
      return
    }
    assert.equal(failure, null)
    assert.deepEqual(assertLegalStream(events), final)
    assert.deepEqual(contentOf(final?.output), normalise(body.output as Item[]))
    assertSameUsage(final as CanonicalResponse, body.usage as JsonObject)
    assert.equal(facts.responseId, body.id)
  })
}
