/** Searches that may never find a match are bounded by hours, and lose nothing by it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyAt } from '../../../../server/store/engine/keys.ts'
import { parseSearch, searchKeys } from '../../../../server/store/log/search-query.ts'
import { listSlices, type Slice } from '../../../../server/store/log/search-slices.ts'
import { indexRequest } from '../../../../server/store/log/search-writes.ts'
import { openEngine } from './engines.ts'

const hour = 3_600_000
const start = 1_800_000_000_000

/** More than two slices: an hour with many, a gap of a year, and hours with few. */
const times = [
  ...Array.from({ length: 21_000 }, (_, index) => start + index * 100),
  ...Array.from({ length: 21_000 }, (_, index) => start + 8800 * hour + index * 600_000),
]
const keys = times.map((time, index) => keyAt(time) + (index % 1024))
const together = [0, 20_999, 21_000, 30_000, 41_999]

test('what is seldom together is found wherever it stands, in pages of both ends', async (t) => {
  const driver = await openEngine(t, 'sqlite')
  for (let at = 0; at < keys.length; at += 3000) {
    await driver.batch(
      keys.slice(at, at + 3000).flatMap((key, index) => {
        const text = together.includes(at + index) ? 'left right' : index % 2 ? 'left' : 'right'
        return indexRequest('sqlite', { key, text, ids: [], metadata: null })
      }),
    )
  }
  const terms = parseSearch('left right')
  const wanted = together.map((index) => keys[index] as number).reverse()
  assert.deepEqual(await searchKeys({ driver }, { terms, before: null, limit: 100 }), wanted)
  assert.deepEqual(await searchKeys({ driver }, { terms, before: null, limit: 2 }), wanted.slice(0, 2))
  const rest = { terms, before: wanted[1] as number, from: (wanted[4] as number) + 1, limit: 100 }
  assert.deepEqual(await searchKeys({ driver }, rest), wanted.slice(2, 4))
  const neither = parseSearch('left -right -left')
  assert.deepEqual(await searchKeys({ driver }, { terms: neither, before: null, limit: 5 }), [])
  assert.deepEqual(
    await searchKeys({ driver }, { terms: parseSearch('"right left"'), before: null, limit: 5 }),
    [],
  )

  for (const order of ['ASC', 'DESC'] as const) {
    const range = { from: (keys[5] as number) + 1, below: keys[41_990] as number }
    const slices: Slice[] = []
    for await (const slice of listSlices({ driver, range, order, terms })) slices.push(slice)
    assert.ok(slices.length > 2)
    const inOrder = order === 'ASC' ? slices : slices.toReversed()
    for (const [index, { from }] of inOrder.slice(1).entries()) assert.equal(from, inOrder[index]?.below)
    const indexed = keys.filter((key) => key >= range.from && key < range.below)
    assert.ok(indexed.every((key) => slices.some(({ from, below }) => key >= from && key < below)))
    for (const { hours } of slices) assert.ok((hours?.length ?? 0) <= 500)
  }
})

test('one word needs no slices', async (t) => {
  const driver = await openEngine(t, 'sqlite')
  const slices = []
  const range = { from: 0, below: 10 }
  for await (const slice of listSlices({ driver, range, order: 'DESC', terms: parseSearch('one*') }))
    slices.push(slice)
  assert.deepEqual(slices, [{ ...range, hours: null, reached: null }])
})
