/** Prices as they are written, and as they are looked up. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { toNanoDollars } from '../../../server/config/build-prices.ts'
import { defaultPrices } from '../../../server/config/default-prices.ts'
import { loadConfig } from '../../../server/config/load.ts'
import { ConfigError } from '../../../server/config/problems.ts'
import type { PricesRuntime } from '../../../server/config/runtime.ts'
import { translators } from '../../../translators/index.ts'

const providers = { own: { variant: 'openai', baseUrl: 'http://127.0.0.1:1/v1', apiKey: 'k' } }

function build(prices: unknown): PricesRuntime {
  return loadConfig({ config: { providers, prices } as Record<string, unknown>, source: 'test' }).prices
}

function problemsOf(prices: unknown): string[] {
  try {
    build(prices)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems.map(({ path, message }) => `${path}: ${message}`)
  }
  return []
}

function versionOf(price: unknown): string | undefined {
  return build({ own: { m: [price] } })
    .configured.get('own')
    ?.exact.get('m')?.[0]?.version
}

describe('an amount', () => {
  it('is exact, as a number and as a text', () => {
    const cases: [number | string, number][] = [
      [0, 0],
      [0.1, 100_000_000],
      [0.075, 75_000_000],
      ['0.075', 75_000_000],
      ['12.50', 12_500_000_000],
      [1.1, 1_100_000_000],
      ['1.100000000', 1_100_000_000],
      [1e-9, 1],
      [4.35, 4_350_000_000],
      [1_000_000, 1_000_000_000_000_000],
      ['999999.999999999', 999_999_999_999_999],
    ]
    for (const [written, nanos] of cases) assert.equal(toNanoDollars(written), nanos, String(written))
  })

  it('has nine decimals at most', () => {
    assert.equal(toNanoDollars(1e-10), null)
    assert.equal(toNanoDollars('0.0000000001'), null)
    assert.equal(toNanoDollars(0.1 + 0.2), null)
    assert.equal(toNanoDollars('0.1000000000'), 100_000_000, 'zeros at the end are no digits')
  })
})

describe('prices of the configuration', () => {
  it('are ordered by date, the newest first, and by how much of a name a pattern says', () => {
    const { configured } = build({
      own: {
        m: [{ input: 1 }, { from: '2026-07-01', input: 3 }, { from: '2026-01-01T12:00:00+02:00', input: 2 }],
        'm-*': [{ input: 4 }],
        'm-*-mini': [{ input: 5 }],
      },
    })
    const list = configured.get('own')
    assert.deepEqual(
      list?.exact.get('m')?.map(({ from, tiers }) => [from, tiers[0]?.input]),
      [
        [Date.parse('2026-07-01T00:00:00Z'), 3e9],
        [Date.parse('2026-01-01T10:00:00Z'), 2e9],
        [Number.NEGATIVE_INFINITY, 1e9],
      ],
    )
    assert.deepEqual(
      list?.patterns.map(({ prefix, suffix }) => `${prefix}*${suffix}`),
      ['m-*-mini', 'm-*'],
    )
  })

  it('have a version that changes with the price, not with the way it is written', () => {
    const version = versionOf({ from: '2026-07-01', input: 1.5, tiers: [{ serviceTier: 'flex', input: 1 }] })
    assert.match(version ?? '', /^2026-07-01-[0-9a-f]{8}$/)
    assert.equal(
      versionOf({ tiers: [{ input: '1.00', serviceTier: 'flex' }], input: '1.50', from: '2026-07-01' }),
      version,
    )
    for (const other of [
      { from: '2026-07-02', input: 1.5, tiers: [{ serviceTier: 'flex', input: 1 }] },
      { from: '2026-07-01', input: 1.6, tiers: [{ serviceTier: 'flex', input: 1 }] },
      { from: '2026-07-01', input: 1.5, tiers: [{ serviceTier: 'priority', input: 1 }] },
      { from: '2026-07-01', input: 1.5 },
    ])
      assert.notEqual(versionOf(other), version)
    assert.match(versionOf({ input: 1 }) ?? '', /^always-/)
    assert.equal(versionOf({ input: 1, version: 'contract 7' }), 'contract 7')
  })

  it('say what is wrong, where, and how to mend it', () => {
    const cases: [unknown, RegExp][] = [
      [
        { owm: { m: [{ input: 1 }] } },
        /^prices\.owm: is not one of the providers or variants; did you mean "own"/,
      ],
      [{ own: { m: [{}] } }, /^prices\.own\.m\[0\]: has no rate; give input, output, request or image/],
      [{ own: { m: [] } }, /^prices\.own\.m: must have at least one entry/],
      [{ own: { m: { input: 1 } } }, /^prices\.own\.m: must be an array/],
      [{ own: { 'a*b*c': [{ input: 1 }] } }, /^prices\.own\["a\*b\*c"\]: may hold one "\*" at most/],
      [{ own: { m: [{ input: -1 }] } }, /^prices\.own\.m\[0\]\.input: must be .*is -1/],
      [{ own: { m: [{ input: '$1' }] } }, /^prices\.own\.m\[0\]\.input: must be US dollars/],
      [
        { own: { m: [{ input: 1e-10 }] } },
        /^prices\.own\.m\[0\]\.input: .*more than nine decimals; round it/,
      ],
      [{ own: { m: [{ imput: 1 }] } }, /^prices\.own\.m\[0\]\.imput: is not an option; did you mean "input"/],
      [{ own: { m: [{ from: '1 July', input: 1 }] } }, /^prices\.own\.m\[0\]\.from: must be a day/],
      [
        { own: { m: [{ from: '2026-02-30', input: 1 }] } },
        /^prices\.own\.m\[0\]\.from: .*not in the calendar/,
      ],
      [{ own: { m: [{ input: 1 }, { input: 2 }] } }, /^prices\.own\.m\[1\]: is the date of another price/],
      [
        { own: { m: [{ input: 1, tiers: [{ serviceTier: 'Default', input: 2 }] }] } },
        /^prices\.own\.m\[0\]\.tiers\[0\]: is for the same requests/,
      ],
    ]
    for (const [prices, expected] of cases) {
      const problems = problemsOf(prices)
      assert.ok(
        problems.some((problem) => expected.test(problem)),
        `${JSON.stringify(prices)}: ${problems.join(' | ') || 'no problem'}`,
      )
    }
  })
})

describe('the prices that come with the gateway', () => {
  it('each say where they are published and when they were read, and nothing twice', () => {
    const seen = new Set<string>()
    for (const [variant, entries] of Object.entries(defaultPrices)) {
      assert.ok(variant in translators, variant)
      for (const entry of entries) {
        assert.equal(new URL(entry.source).protocol, 'https:')
        assert.match(entry.date, /^20\d\d-\d\d-\d\d$/)
        assert.ok(entry.models.length > 0 && entry.input !== undefined && entry.output !== undefined)
        for (const model of entry.models) {
          const name = `${variant} ${model} ${entry.from ?? ''}`
          assert.ok(!seen.has(name), `${name} stands there twice`)
          seen.add(name)
        }
      }
    }
    assert.ok(seen.size > 50)
  })

  it('follow the rules of the configuration, and cached input is never dearer than input', () => {
    const { defaults } = build({})
    for (const [variant, { exact, patterns }] of defaults) {
      for (const price of [...exact.values(), ...patterns.map(({ prices }) => prices)].flat()) {
        assert.match(price.version, /^(always|20\d\d-\d\d-\d\d)-[0-9a-f]{8}$|^20/, variant)
        for (const tier of price.tiers) {
          assert.ok((tier.input ?? 0) > 0 && (tier.output ?? 0) >= (tier.input ?? 0))
          assert.ok((tier.cachedInput ?? 0) <= (tier.input ?? 0))
          assert.ok(tier.cacheWrite === null || tier.cacheWrite > (tier.input ?? 0))
        }
      }
    }
  })
})
