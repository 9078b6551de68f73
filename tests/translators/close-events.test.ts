/** A stream that broke off anywhere is ended legally from its events alone: as a failure, or as cancelled. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { CanonicalEvent } from '../../translators/shared/canonical.ts'
import { type CloseOptions, closeEvents } from '../../translators/shared/close-events.ts'
import { makeFailure } from '../../translators/shared/failures.ts'
import { buildCancelled, buildEcho } from '../../translators/shared/response-object.ts'
import type { EventDialect } from '../../translators/shared/translator.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { readWithSdk } from './support/read-with-sdk.ts'
import { recordings, runRecording } from './support/recordings.ts'
import { faults, script, senselessEnd, senselessLine, tellAsEvents } from './support/scripts.ts'
import { makeContext, runStream } from './support/translate.ts'

const lost = makeFailure('server_error', 'The gateway that ran this response is gone.')

/** Cuts the stream after every event, and holds both ends of it against the rules. */
function closeEverywhere(events: readonly CanonicalEvent[], dialect: EventDialect): void {
  for (let kept = 1; kept <= events.length; kept++) {
    const told = events.slice(0, kept)
    for (const failure of [lost, null]) {
      const closed = closeEvents(told, { dialect, failure })
      const whole = [...told, ...closed.events]
      const final = assertLegalStream(whole, { dialect })
      assert.deepEqual(closed.final, final)
      if (kept === events.length) assert.deepEqual(closed.events, [], 'what has ended stays as it is')
      else if (told.at(-1)?.type !== 'error')
        assert.equal(final.status, failure === null ? 'cancelled' : 'failed', `cut after ${kept}`)
    }
  }
}

test('the recordings are there', (t) => {
  if (recordings.length === 0) t.skip('no recordings')
})

for (const file of recordings)
  for (const dialect of ['openai', 'open-responses'] as const)
    test(`${file}, cut after every event (${dialect})`, () => {
      closeEverywhere(runRecording(file, { events: dialect }).events, dialect)
    })

test('any stream, faulty or senseless, is ended legally wherever it broke off', () => {
  const lines = fc.oneof(
    fc.tuple(script, faults).map(([items, given]) => tellAsEvents(items, given)),
    fc
      .tuple(fc.array(senselessLine, { maxLength: 25 }), senselessEnd)
      .map(([some, end]) => [...some, ...end]),
  )
  fc.assert(
    fc.property(lines, fc.constantFrom('openai' as const, 'open-responses' as const), (told, dialect) => {
      const { events, failure } = runStream(told, { context: makeContext({ events: dialect }) })
      if (failure === null) closeEverywhere(events, dialect)
    }),
    { numRuns: 300 },
  )
})

/** As a background job begins: told by the gateway before any provider was asked. */
function queuedStream(): { events: CanonicalEvent[]; told: number } {
  const queued = { ...buildEcho(makeContext()), status: 'queued' as const, background: true }
  const first = ['response.created', 'response.queued'].map((type, sequence_number) => ({
    type,
    sequence_number,
    response: queued,
  }))
  const context = makeContext({ echo: { background: true }, resume: { nextSequence: 2, created: true } })
  const { events } = runStream(
    [
      { type: 'response.output_text.delta', item_id: 'a', output_index: 0, content_index: 0, delta: 'Hel' },
      { type: 'response.completed', response: { usage: { input_tokens: 1, output_tokens: 1 } } },
    ],
    { context },
  )
  return { events: [...first, ...events], told: first.length }
}

test('a stream that others began goes on where they stopped', () => {
  const { events, told } = queuedStream()
  assert.equal(events[told]?.type, 'response.in_progress')
  assert.equal(assertLegalStream(events).output_text, 'Hel')
  closeEverywhere(events, 'openai')
})

test('a number to go on from alone changes only the numbers', () => {
  const lines = [{ type: 'response.completed', response: {} }]
  const whole = runStream(lines).events
  const later = runStream(lines, {
    context: makeContext({ resume: { nextSequence: 7, created: false } }),
  }).events
  assert.deepEqual(
    later.map((event) => ({ ...event, sequence_number: event.sequence_number - 7 })),
    whole,
  )
})

test('what a stream said before it broke off stands in its end', () => {
  const { events } = runStream([
    { type: 'response.output_text.delta', item_id: 'a', output_index: 0, content_index: 0, delta: 'Hello ' },
    { type: 'response.output_text.delta', item_id: 'a', output_index: 0, content_index: 0, delta: 'there' },
    { type: 'response.completed', response: {} },
  ])
  const cut = events.findIndex((event) => event.delta === 'there') + 1
  const { events: rest, final } = closeEvents(events.slice(0, cut), { dialect: 'openai', failure: null })
  assert.deepEqual(
    rest.map(({ type }) => type),
    [
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.incomplete',
    ],
  )
  assert.equal(final.output_text, 'Hello there')
  assert.equal(final.output[0]?.status, 'incomplete')
})

test('a stream that has not begun cannot be ended', () => {
  const options: CloseOptions = { dialect: 'openai', failure: lost }
  assert.throws(() => closeEvents([], options), /Begin a stream/)
})

test("OpenAI's SDK takes the end of a cancelled stream, and gives the cancelled response", async () => {
  const { events } = queuedStream()
  for (let kept = 1; kept < events.length; kept++) {
    const told = events.slice(0, kept)
    const { events: rest, final } = closeEvents(told, { dialect: 'openai', failure: null })
    const { response } = await readWithSdk([...told, ...rest])
    assert.equal(response.status, 'cancelled')
    assert.equal(response.output_text, final.output_text)
    const failed = closeEvents(told, { dialect: 'openai', failure: lost })
    await assert.rejects(readWithSdk([...told, ...failed.events]), /is gone/)
  }
})

test('a cancelled response object keeps what there was, open items as incomplete', () => {
  const running = {
    ...buildEcho(makeContext()),
    output: [
      { type: 'message', id: 'msg_1', status: 'completed', role: 'assistant', content: [] },
      { type: 'web_search_call', id: 'ws_1', status: 'searching' },
      { type: 'compaction', id: 'cmp_1' },
    ],
  }
  const cancelled = buildCancelled(running)
  assert.deepEqual(
    cancelled.output.map(({ status }) => status),
    ['completed', 'incomplete', undefined],
  )
  assert.deepEqual(
    [cancelled.status, cancelled.completed_at, cancelled.error, cancelled.incomplete_details],
    ['cancelled', null, null, { reason: 'cancelled' }],
  )
  assert.deepEqual(buildCancelled(cancelled), cancelled)
})
