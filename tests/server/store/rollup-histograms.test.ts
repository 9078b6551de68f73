import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  addCount,
  addEncoded,
  bounds,
  bucketOf,
  encodeHistogram,
  type Histogram,
  mergeHistograms,
  percentile,
} from '../../../server/store/log/rollup-histograms.ts'
import { dialects, openEngine } from './log/engines.ts'

const times = fc.array(fc.oneof(fc.nat(100), fc.nat(1_000_000), fc.nat(3_600_000_000)), { maxLength: 60 })

function histogramOf(values: readonly number[]): Histogram {
  const histogram: Histogram = new Map()
  for (const value of values) addCount(histogram, bucketOf('latency', value), 1)
  return histogram
}

describe('times in buckets', () => {
  it('have bounds that never change, since they are stored', () => {
    assert.deepEqual(bounds.slice(0, 14), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 19])
    assert.equal(bounds.length, 137)
    assert.equal(bounds.at(-1), 86_400_000_000)
    assert.equal(encodeHistogram(histogramOf([0, 1, 2, 11, 12, 1e12])), '0:2,1:1,10:2,136:1')
    assert.equal(bucketOf('ttft', 3), 1002)
    assert.equal(bucketOf('overhead', 3), 2002)
  })

  it('tell any percentile to 10 %', () => {
    fc.assert(
      fc.property(times, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
        const told = percentile(histogramOf(values), 'latency', share)
        if (values.length === 0) return assert.equal(told, null)
        const sorted = [...values].sort((one, other) => one - other)
        const exact = (sorted[Math.max(0, Math.ceil(values.length * share) - 1)] as number) / 1000
        assert.ok(Math.abs((told as number) - exact) <= 0.1 * exact + 0.001, `${told} for ${exact}`)
      }),
    )
  })

  it('keep the kinds apart', () => {
    const histogram = histogramOf([1000])
    assert.equal(percentile(histogram, 'ttft', 0.5), null)
    addCount(histogram, bucketOf('overhead', 500_000), 1)
    assert.ok((percentile(histogram, 'latency', 1) as number) < 2)
    assert.ok((percentile(histogram, 'overhead', 0) as number) > 400)
  })

  for (const dialect of dialects) {
    it(`merge in SQL as they do here, in any order, and cancel out, on ${dialect}`, async (t) => {
      const driver = await openEngine(t, dialect)
      const merge = async (one: string, other: string) => {
        const [row] = await driver.all(
          'SELECT merge_histograms(CAST(? AS TEXT), CAST(? AS TEXT)) AS merged',
          [one, other],
        )
        return row?.merged
      }
      await fc.assert(
        fc.asyncProperty(times, times, async (one, other) => {
          const both = encodeHistogram(histogramOf([...one, ...other]))
          const [a, b] = [encodeHistogram(histogramOf(one)), encodeHistogram(histogramOf(other))]
          assert.equal(await merge(a, b), both)
          assert.equal(await merge(b, a), both)
          assert.equal(mergeHistograms(a, b), both)
          const twice = encodeHistogram(histogramOf([...one, ...other, ...other]))
          assert.equal(await merge(both, b), twice, 'more of what is there')
          const negative: Histogram = new Map()
          addEncoded(negative, b)
          for (const [bucket, count] of negative) negative.set(bucket, -count)
          assert.equal(await merge(both, encodeHistogram(negative)), a)
        }),
        { numRuns: 40 },
      )
    })
  }
})
