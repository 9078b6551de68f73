import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findMedia } from '../../dashboard/model/media.ts'
import {
  addMoney,
  describeUnknownCost,
  formatExact,
  formatMoney,
  readNanos,
  writeNanos,
} from '../../dashboard/model/money.ts'
import {
  describeFilters,
  isLiveView,
  readFilters,
  toApiQuery,
} from '../../dashboard/model/request-filters.ts'
import { findSpendTime, listPeriods, stackSpend, sumByValue } from '../../dashboard/model/spend.ts'
import { message } from './fixtures.ts'
import { makeSpend, picture } from './money-fixtures.ts'

describe('money', () => {
  it('is read and written without a loss, past what floating point holds', () => {
    for (const text of ['0.000000001', '0.012345678', '123456789.000000001', '-0.000123450']) {
      assert.equal(writeNanos(readNanos(text)), text)
    }
    assert.equal(addMoney(['123456789.000000001', null, '0.000000002']), '123456789.000000003')
  })

  it('is shortened to what can be read, and never to zero or from unknown', () => {
    const cases: [string | null, string][] = [
      [null, 'unknown'],
      ['0.000000000', '$0'],
      ['0.000000001', '$0.000000001'],
      ['0.012345678', '$0.0123'],
      ['0.099960000', '$0.1'],
      ['0.999999999', '$1'],
      ['1.005000000', '$1.01'],
      ['1234567.891000000', '$1,234,567.89'],
      ['-0.012345678', '−$0.0123'],
    ]
    for (const [exact, shown] of cases) assert.equal(formatMoney(exact), shown)
    assert.equal(formatExact('0.012345678'), '$0.012345678')
    assert.equal(formatExact(null), 'unknown')
  })

  it('says why it is not known', () => {
    assert.match(describeUnknownCost({ reason: 'unknown_model' }), /no price/)
    assert.match(describeUnknownCost({ reason: 'something_new' }), /something_new/)
    assert.match(describeUnknownCost({ reason: null, isRunning: true }), /at the end/)
  })
})

describe('filters of requests', () => {
  it('are read from an address, strangers left out, and asked as the API takes them', () => {
    const filters = readFilters(
      new URLSearchParams('range=24h&model=a%2Fb&metadata[team%5D]=x&other=1&min_cost_usd=0.01&q='),
    )
    assert.deepEqual(filters, { range: '24h', model: 'a/b', 'metadata[team]]': 'x', min_cost_usd: '0.01' })
    const now = Date.parse('2026-11-21T12:34:56Z')
    const { range, from, ...rest } = toApiQuery(filters, now)
    assert.equal(range, undefined)
    assert.equal(from, '2026-11-20T12:34:00.000Z')
    assert.deepEqual(rest, { model: 'a/b', 'metadata[team]]': 'x', min_cost_usd: '0.01' })
  })

  it('are said in words, and only a view of now is live', () => {
    const chips = describeFilters({
      min_latency_ms: '5000',
      unpriced: 'true',
      'metadata[team]': 'x',
      q: 'words',
    })
    assert.deepEqual(
      chips.map(({ label, value }) => `${label}: ${value}`),
      ['Latency: at least 5 s', 'Price: without a price', 'metadata team: x'],
    )
    assert.equal(isLiveView({ range: '24h', model: 'a' }), true)
    assert.equal(isLiveView({ q: 'words' }), false)
    assert.equal(isLiveView({ to: '2026-01-01T00:00:00Z' }), false)
  })
})

describe('spend', () => {
  const spend = makeSpend(
    new URLSearchParams('group_by=model&period=day&from=2026-11-01&to=2026-11-04T00:00:00Z'),
  )

  it('adds up to the API’s totals to the last nano-dollar', () => {
    const lines = sumByValue(spend.rows)
    assert.equal(addMoney(lines.map(({ cost }) => cost)), spend.totals.cost_usd)
    assert.equal(lines.find(({ name }) => name === 'mistral-large')?.cost, null)
    assert.equal(lines[0]?.name, 'openai/gpt-oss-120b')
  })

  it('stacks the five that cost most and the rest, and loses nothing', () => {
    const periods = listPeriods(spend)
    assert.deepEqual(periods, ['2026-11-01', '2026-11-02', '2026-11-03', '2026-11-04'])
    const stacks = stackSpend(spend, periods)
    assert.deepEqual(
      stacks.map(({ name, tone }) => `${tone}${name === 'All others' ? ' others' : ''}`),
      ['one', 'two', 'three', 'four', 'five', 'rest others'],
    )
    const whole = stacks.flatMap(({ values }) => values).reduce((sum, value) => sum + value, 0)
    assert.ok(Math.abs(whole - Number(spend.totals.cost_usd)) < 1e-6)
  })

  it('asks for whole periods of UTC', () => {
    const now = new Date('2026-03-31T23:30:00Z')
    assert.deepEqual(findSpendTime('month', now), { from: '2026-03-01T00:00:00.000Z' })
    assert.deepEqual(findSpendTime('last-month', now), {
      from: '2026-02-01T00:00:00.000Z',
      to: '2026-03-01T00:00:00.000Z',
    })
    assert.equal(findSpendTime('12m', now).from, '2025-04-01T00:00:00.000Z')
    assert.deepEqual(
      listPeriods({ from: '2025-11-01T00:00:00Z', to: '2026-02-01T00:00:00Z', period: 'month' }),
      ['2025-11', '2025-12', '2026-01'],
    )
  })
})

describe('findMedia', () => {
  it('finds each reference once, and no half of one', () => {
    const { hash, content, reference } = picture
    const found = findMedia([
      message({ image_url: reference, again: reference, cut: reference.slice(0, 60) }),
      null,
      message({ file: `dragoman-media:sha256:${'a'.repeat(64)};type=application/pdf;bytes=12` }),
    ])
    assert.deepEqual(found, [
      { hash, type: 'image/png', bytes: content.length },
      { hash: 'a'.repeat(64), type: 'application/pdf', bytes: 12 },
    ])
  })
})
