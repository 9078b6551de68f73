/** A finished response told as a stream: legal, with its own ids, ending in itself, the same every time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { CanonicalResponse } from '../../translators/shared/canonical.ts'
import { closeEvents } from '../../translators/shared/close-events.ts'
import { replayEvents } from '../../translators/shared/replay-events.ts'
import { buildEcho } from '../../translators/shared/response-object.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { readWithSdk } from './support/read-with-sdk.ts'
import { recordings, runRecording } from './support/recordings.ts'
import { faults, script, senselessEnd, senselessLine, tellAsEvents } from './support/scripts.ts'
import { disconnected, makeContext, runStream } from './support/translate.ts'

/** From the store it comes as JSON, so nothing may hang on identity or on members that are undefined. */
function assertReplays(final: CanonicalResponse): void {
  const stored = JSON.parse(JSON.stringify(final)) as CanonicalResponse
  for (const dialect of ['openai', 'open-responses'] as const) {
    const events = replayEvents(stored, dialect)
    assert.deepEqual(assertLegalStream(events, { dialect }), stored)
    assert.deepEqual(replayEvents(stored, dialect), events)
  }
  assert.deepEqual(stored, JSON.parse(JSON.stringify(final)), 'nothing of it was changed')
}

test('the recordings are there', (t) => {
  if (recordings.length === 0) t.skip('no recordings')
})

for (const file of recordings)
  test(`${file} replays from its final object`, async () => {
    const { final } = runRecording(file)
    if (final === null) return
    assertReplays(final)
    const { response } = await readWithSdk(replayEvents(final, 'openai'))
    assert.equal(response.output_text, final.output_text)
    assert.deepEqual(
      response.output.map(({ id }) => id),
      final.output.map(({ id }) => id),
    )
  })

test('whatever was answered replays: complete, incomplete, failed, cancelled', () => {
  const lines = fc.oneof(
    fc.tuple(script, faults).map(([items, given]) => tellAsEvents(items, given)),
    fc
      .tuple(fc.array(senselessLine, { maxLength: 25 }), senselessEnd)
      .map(([some, end]) => [...some, ...end]),
  )
  fc.assert(
    fc.property(lines, fc.nat(1000), (told, at) => {
      const { final } = runStream(told)
      if (final !== null) assertReplays(final)
      const cut = runStream(told.slice(0, at % (told.length + 1)), { cut: disconnected })
      if (cut.final !== null) assertReplays(cut.final)
      const events = cut.events.slice(0, Math.max(1, at % (cut.events.length + 1)))
      if (events.length > 0) assertReplays(closeEvents(events, { dialect: 'openai', failure: null }).final)
    }),
    { numRuns: 400 },
  )
})

test('a response that has not ended is not replayed', () => {
  const running = buildEcho(makeContext())
  assert.throws(() => replayEvents(running, 'openai'), /is in_progress/)
  assert.throws(() => replayEvents({ ...running, status: 'queued' }, 'openai'), /is queued/)
})
