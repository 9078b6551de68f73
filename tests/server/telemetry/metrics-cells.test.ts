import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CellCounter, CellHistogram } from '../../../server/telemetry/metrics-cells.ts'
import { parseExposition } from './metrics-lint.ts'

test('a label set has one cell, whatever the text of its labels', () => {
  const counter = new CellCounter({ name: 'x_total', help: 'a \\ b\nc', labelNames: ['a', 'b'] })
  counter.cell('1', '2').inc()
  counter.cell('1', '2').inc(2)
  counter.cell('12', '').inc()
  counter.cell('"\\\n', '}').inc(5)
  const [family] = parseExposition(counter.render())
  assert.equal(family?.help, 'a \\\\ b\\nc')
  assert.deepEqual(family?.samples, [
    { name: 'x_total', labels: { a: '1', b: '2' }, value: 3 },
    { name: 'x_total', labels: { a: '12', b: '' }, value: 1 },
    { name: 'x_total', labels: { a: '"\\\n', b: '}' }, value: 5 },
  ])
})

test('a bucket holds its own bound, and counts what lies below', () => {
  const histogram = new CellHistogram({ name: 'x_seconds', help: 'x', labelNames: ['a'], buckets: [0.1, 1] })
  const cell = histogram.cell('y')
  for (const value of [0, 0.1, 0.5, 1, 1.5]) cell.observe(value)
  assert.deepEqual(histogram.render().split('\n').slice(2), [
    'x_seconds_bucket{a="y",le="0.1"} 2',
    'x_seconds_bucket{a="y",le="1"} 4',
    'x_seconds_bucket{a="y",le="+Inf"} 5',
    'x_seconds_sum{a="y"} 3.1',
    'x_seconds_count{a="y"} 5',
    '',
  ])
})

test('a forgotten label is an error, not a series of its own', () => {
  const counter = new CellCounter({ name: 'x_total', help: 'x', labelNames: ['a', 'b'] })
  assert.throws(() => counter.cell('1', '2', '3'), /x_total has the labels a, b; 3 values/)
  assert.throws(() => counter.cell('1'), /1 values/)
})
