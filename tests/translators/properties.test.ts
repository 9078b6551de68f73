/** Whatever a provider does wrong, at any place: the stream is legal, and it says what the model said. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assertLegalStream } from '../support/legal-stream.ts'
import {
  countTokens,
  faults,
  finishedItem,
  noFaults,
  type ScriptItem,
  sayingsOf,
  script,
  senselessEnd,
  senselessLine,
  takeTokens,
  tellAsEvents,
} from './support/scripts.ts'
import { contentOf, disconnected, makeContext, runBody, runStream } from './support/translate.ts'

const runs = { numRuns: 400 }
const usage = { input_tokens: 5, output_tokens: 7, total_tokens: 12 }

test('a semantic stream with faults says what the model said', () => {
  fc.assert(
    fc.property(script, faults, (items, given) => {
      const { events } = runStream(tellAsEvents(items, given, { usage }))
      const final = assertLegalStream(events)
      assert.equal(final.status, 'completed')
      assert.deepEqual(sayingsOf(final.output), sayingsOf(items.map(finishedItem)))
      assert.equal(final.usage?.total_tokens, 12)
    }),
    runs,
  )
})

test('a semantic stream cut anywhere ends once and invents nothing', () => {
  fc.assert(
    fc.property(script, faults, fc.nat(1000), (items, given, at) => {
      const lines = tellAsEvents(items, given)
      const kept = lines.slice(0, at % lines.length)
      const { events, failure, final } = runStream(kept, { cut: disconnected })
      if (failure !== null) {
        assert.deepEqual(events, [])
        return
      }
      assertLegalStream(events)
      assert.equal(final?.status === 'failed' || kept.at(-1)?.includes('response.completed'), true)
      const said = items.map(finishedItem).filter((item) => item.type === 'message')
      const told = runBody({ output: said }).final?.output_text ?? ''
      if (given.indexes === 'right') assert.ok(told.startsWith(final?.output_text ?? ''))
    }),
    runs,
  )
})

test('JSON and stream give the same final object', () => {
  fc.assert(
    fc.property(script, (items) => {
      const streamed = runStream(tellAsEvents(items, noFaults, { usage }))
      const body = runBody({ id: 'x', status: 'completed', output: items.map(finishedItem), usage })
      assertLegalStream(body.events)
      assert.deepEqual(contentOf(streamed.final), contentOf(body.final))
    }),
    runs,
  )
})

/** Snapshots of an answer: after so many tokens each. */
function tellAsSnapshots(items: readonly ScriptItem[], steps: readonly number[]): object[] {
  const total = countTokens(items)
  const chunks: object[] = []
  let taken = 0
  for (const step of [...steps, total]) {
    taken = Math.min(total, taken + step)
    chunks.push({
      id: 'x',
      model: 'm',
      status: 'in_progress',
      output: takeTokens(items, taken).map(finishedItem),
    })
    if (taken === total) break
  }
  return chunks
}

const steps = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 30 })

test('cumulative snapshots at any chunking say what the model said', () => {
  fc.assert(
    fc.property(
      script,
      steps,
      fc.constantFrom('auto' as const, 'cumulative' as const),
      (items, sizes, mode) => {
        const chunks = tellAsSnapshots(items, sizes)
        const { events } = runStream([...chunks, '[DONE]'], { hooks: { snapshots: mode } })
        const final = assertLegalStream(events)
        assert.equal(final.status, 'completed')
        assert.deepEqual(sayingsOf(final.output), sayingsOf(items.map(finishedItem)))
      },
    ),
    runs,
  )
})

/** One chunk per token, each holding only what is new. */
function tellAsPieces(items: readonly ScriptItem[]): object[] {
  return items.flatMap((item, index) => {
    const pieces =
      item.parts.length === 0
        ? [{ ...item }]
        : item.parts.flat().map((token) => ({ ...item, parts: [[token]] }))
    return pieces.map((piece) => ({ id: 'x', status: 'in_progress', output: [finishedItem(piece, index)] }))
  })
}

/** Messages in a row cannot be told apart when only pieces come; everything else can. */
function mergeNeighbours(items: readonly ScriptItem[]): ScriptItem[] {
  return items.filter(
    (item, index) =>
      item.type !== items[index - 1]?.type ||
      item.type === 'function_call' ||
      item.type === 'web_search_call',
  )
}

test('incremental snapshots say what the model said', () => {
  fc.assert(
    fc.property(script.map(mergeNeighbours), (items) => {
      const { events } = runStream([...tellAsPieces(items), '[DONE]'], {
        hooks: { snapshots: 'incremental' },
      })
      const final = assertLegalStream(events)
      assert.deepEqual(sayingsOf(final.output), sayingsOf(items.map(finishedItem)))
    }),
    runs,
  )
})

test('incremental snapshots are recognised when the second is no continuation of the first', () => {
  const recognisable = fc.array(fc.constantFrom('x', 'yz', 'x', ' '), { maxLength: 8 })
  fc.assert(
    fc.property(recognisable, (rest) => {
      const item: ScriptItem = { type: 'message', parts: [['x', 'y', ...rest]] }
      const { events } = runStream([...tellAsPieces([item]), '[DONE]'])
      assert.equal(assertLegalStream(events).output_text, `xy${rest.join('')}`)
    }),
    runs,
  )
})

test('snapshots cut anywhere end once', () => {
  fc.assert(
    fc.property(script, steps, fc.nat(100), (items, sizes, at) => {
      const chunks = tellAsSnapshots(items, sizes)
      const { events, failure } = runStream(chunks.slice(0, at % (chunks.length + 1)), { cut: disconnected })
      if (failure === null) assert.equal(assertLegalStream(events).status, 'failed')
      else assert.deepEqual(events, [])
    }),
    runs,
  )
})

test('no sequence of events, however senseless, makes an illegal stream', () => {
  fc.assert(
    fc.property(
      fc.array(senselessLine, { maxLength: 25 }),
      senselessEnd,
      fc.constantFrom('openai' as const, 'open-responses' as const),
      fc.boolean(),
      (lines, last, dialect, cleanHarmony) => {
        const { events, failure } = runStream([...lines, ...last], {
          context: makeContext({ events: dialect }),
          hooks: { cleanHarmony },
        })
        if (failure === null) assertLegalStream(events, { dialect })
        else assert.deepEqual(events, [])
      },
    ),
    { numRuns: 2000 },
  )
})
