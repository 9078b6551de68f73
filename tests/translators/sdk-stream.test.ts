/** OpenAI's SDK is strict about streams: its `.stream()` helper must accept everything that is emitted. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import type { JsonObject } from '../../translators/shared/canonical.ts'
import { readWithSdk } from './support/read-with-sdk.ts'
import { faults, script, senselessEnd, senselessLine, tellAsEvents } from './support/scripts.ts'
import { contentOf, runBody, runStream } from './support/translate.ts'

const folder = fileURLToPath(new URL('../../../shared/recordings/', import.meta.url))
const files = existsSync(folder) ? readdirSync(folder).sort() : []

test('the recordings are there', (t) => {
  if (files.length === 0) t.skip(`no recordings: ${folder} is absent`)
})

for (const file of files) {
  test(`the SDK accepts ${file}`, async () => {
    const text = readFileSync(`${folder}${file}`, 'utf8')
    const { events, final } = file.endsWith('.json')
      ? runBody(JSON.parse(text) as JsonObject)
      : runStream(text.split('\n'))
    if (final === null) return
    const seen = await readWithSdk(events)
    assert.equal(seen.deltas, final.output_text)
    assert.deepEqual(withoutParsed(seen.response.output), contentOf(final.output))
  })
}

/** The SDK adds `parsed` members of its own. */
function withoutParsed(output: unknown): unknown {
  return contentOf(
    JSON.parse(JSON.stringify(output), (key, value) =>
      key === 'parsed' || key === 'parsed_arguments' ? undefined : value,
    ),
  )
}

test('the SDK reports a failure in the middle', async () => {
  const { events } = runStream([
    { type: 'response.output_text.delta', item_id: 'a', output_index: 0, content_index: 0, delta: 'Hel' },
    { type: 'error', code: 'rate_limit_exceeded', message: 'Slow down.' },
  ])
  await assert.rejects(readWithSdk(events), /Slow down/)
})

test('the SDK reports an incomplete response', async () => {
  const { events } = runStream([
    { type: 'response.output_text.delta', item_id: 'a', output_index: 0, content_index: 0, delta: 'Hel' },
    { type: 'response.incomplete', response: { incomplete_details: { reason: 'content_filter' } } },
  ])
  const seen = await readWithSdk(events)
  assert.equal(seen.deltas, 'Hel')
})

test('the SDK accepts faulty answers and senseless events', async () => {
  const lines = fc.oneof(
    fc.tuple(script, faults).map(([items, given]) => tellAsEvents(items, given)),
    fc
      .tuple(fc.array(senselessLine, { maxLength: 25 }), senselessEnd)
      .map(([some, end]) => [...some, ...end]),
  )
  await fc.assert(
    fc.asyncProperty(lines, async (told) => {
      const { events, final } = runStream(told)
      if (final === null || final.status === 'failed') return
      const seen = await readWithSdk(events)
      assert.deepEqual(withoutParsed(seen.response.output), contentOf(final.output))
    }),
    { numRuns: 300 },
  )
})
