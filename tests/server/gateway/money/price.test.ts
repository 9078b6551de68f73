/** What a call costs: rules, edges, and properties over many random calls. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadConfig } from '../../../../server/config/load.ts'
import type { PricesRuntime } from '../../../../server/config/runtime.ts'
import type { UsedQuantities } from '../../../../server/gateway/money/cost.ts'
import { type CountedAttempt, priceAttempt } from '../../../../server/gateway/money/price-attempt.ts'

const providers = {
  own: { variant: 'openai', baseUrl: 'http://127.0.0.1:1/v1', apiKey: 'k' },
  other: { variant: 'openai', baseUrl: 'http://127.0.0.1:2/v1', apiKey: 'k' },
}

function pricesOf(prices: unknown): PricesRuntime {
  return loadConfig({ config: { providers, prices } as Record<string, unknown>, source: 'test' }).prices
}

const nothing: UsedQuantities = {
  input: 0,
  cached_input: 0,
  cache_write: 0,
  output: 0,
  reasoning: 0,
  images: 0,
}

function call(used: Partial<UsedQuantities> | null, change: Partial<CountedAttempt> = {}): CountedAttempt {
  return {
    attempt: 1,
    provider: 'own',
    variant: 'openai',
    upstream_model: 'm',
    reported_model: null,
    service_tier: null,
    usage: 'provider',
    used: used && { ...nothing, ...used },
    ...change,
  }
}

const now = Date.parse('2026-11-21T12:00:00Z')
const price = (prices: unknown, attempt: CountedAttempt, time = now) =>
  priceAttempt(pricesOf(prices), attempt, time)

describe('a bill', () => {
  const own = { m: [{ input: 2, cachedInput: 0.5, cacheWrite: 2.5, output: 10, reasoning: 12 }] }

  it('has each token in one line: parts of the input and of the output are not billed twice', () => {
    const used = { input: 1000, cached_input: 300, cache_write: 200, output: 100, reasoning: 60 }
    const { nanos, parts, reason } = price({ own }, call(used))
    assert.deepEqual(
      parts.map(({ kind, quantity, nanos }) => [kind, quantity, nanos]),
      [
        ['input', 500, 1_000_000],
        ['cached_input', 300, 150_000],
        ['cache_write', 200, 500_000],
        ['output', 40, 400_000],
        ['reasoning', 60, 720_000],
      ],
    )
    assert.equal(nanos, 2_770_000)
    assert.equal(reason, null)
  })

  it('bills parts without a rate of their own as what they are a part of', () => {
    const used = { input: 1000, cached_input: 300, cache_write: 200, output: 100, reasoning: 60 }
    const { parts } = price({ own: { m: [{ input: 2, output: 10 }] } }, call(used))
    assert.deepEqual(
      parts.map(({ kind, quantity }) => [kind, quantity]),
      [
        ['input', 1000],
        ['output', 100],
      ],
    )
  })

  it('rounds each line half up to a whole nano-dollar', () => {
    const own = { m: [{ input: '0.0005', output: '0.0015' }] }
    for (const [used, nanos] of [
      [{ input: 1 }, 1],
      [{ output: 1 }, 2],
      [{ input: 1, output: 1 }, 3],
      [{ input: 3 }, 2],
    ] as const)
      assert.equal(price({ own }, call(used)).nanos, nanos, JSON.stringify(used))
    assert.equal(price({ own: { m: [{ input: '0.000499999', output: 1 }] } }, call({ input: 1 })).nanos, 0)
  })

  it('adds what a request and an image cost', () => {
    const own = { m: [{ input: 1, output: 1, request: '0.005', image: 0.04 }] }
    const { nanos, parts } = price({ own }, call({ input: 10, images: 2 }))
    assert.equal(nanos, 10_000 + 5_000_000 + 80_000_000)
    assert.deepEqual(parts.at(-1), { kind: 'image', quantity: 2, rate: 4e13, nanos: 80_000_000 })
    const flat = price({ own: { m: [{ request: 1 }] } }, call({ input: 10, output: 10 }))
    assert.equal(flat.nanos, 1_000_000_000, 'the tokens of a flat price are free')
  })

  it('is 0 where a price says so', () => {
    assert.equal(price({ own: { m: [{ input: 0, output: 0 }] } }, call({ input: 5, output: 5 })).nanos, 0)
  })
})

describe('an unknown cost', () => {
  const own = { m: [{ from: '2026-07-01', input: 2, output: 1, tiers: [{ serviceTier: 'flex', input: 1 }] }] }
  const cases: [string, CountedAttempt, string, number?][] = [
    ['no price for the model', call({ input: 1 }, { upstream_model: 'other' }), 'unknown_model'],
    ['no price at the provider', call({ input: 1 }, { provider: 'other' }), 'unknown_model'],
    ['no price yet', call({ input: 1 }), 'unknown_model', Date.parse('2026-06-30T23:59:59.999Z')],
    ['nothing known of what was used', call(null), 'no_usage'],
    ['no rates for the service tier', call({ input: 1 }, { service_tier: 'priority' }), 'no_rate'],
    ['no rate in the tier for output', call({ output: 1 }, { service_tier: 'flex' }), 'no_rate'],
  ]
  for (const [name, attempt, reason, time] of cases) {
    it(`${name}: null, never 0`, () => {
      const cost = price({ own }, attempt, time)
      assert.equal(cost.nanos, null)
      assert.equal(cost.reason, reason)
      assert.deepEqual(cost.parts, [])
      assert.deepEqual(cost.used, attempt.used, 'it can be priced later')
    })
  }
})

describe('the price that counts', () => {
  const input = (prices: unknown, change: Partial<CountedAttempt> = {}, time = now) =>
    price(prices, call({ input: 1_000_000 }, change), time).nanos

  it('is the newest one that is not after the request, to the millisecond', () => {
    const own = { m: [{ input: 1 }, { from: '2026-07-01', input: 2 }, { from: '2026-08-01', input: 3 }] }
    const at = (moment: string) => input({ own }, {}, Date.parse(moment))
    assert.equal(at('2026-06-30T23:59:59.999Z'), 1e9)
    assert.equal(at('2026-07-01T00:00:00.000Z'), 2e9)
    assert.equal(at('2026-07-31T23:59:59.999Z'), 2e9)
    assert.equal(at('2026-08-01T00:00:00.000Z'), 3e9)
  })

  it("is the provider's before its variant's, and the configuration's before those that come along", () => {
    const model = { upstream_model: 'gpt-4o' }
    assert.equal(input({}, model), 2.5e9)
    assert.equal(input({ openai: { 'gpt-4o': [{ input: 2 }] } }, model), 2e9)
    const prices = { openai: { 'gpt-4o': [{ input: 2 }] }, own: { 'gpt-*': [{ input: 1 }] } }
    assert.equal(input(prices, model), 1e9)
    assert.equal(input(prices, { ...model, provider: 'other' }), 2e9)
    assert.equal(
      input({ own: { 'gpt-4o': [{ from: '2027-01-01', input: 9 }] } }, model),
      2.5e9,
      'one that does not count yet hides none',
    )
  })

  it('is that of the model that answered, where it has one', () => {
    const prices = { own: { router: [{ input: 1 }], chosen: [{ input: 2 }] } }
    const asked = { upstream_model: 'router' }
    assert.equal(input(prices, { ...asked, reported_model: 'chosen' }), 2e9)
    assert.equal(input(prices, { ...asked, reported_model: 'chosen-2026' }), 1e9)
    assert.equal(input(prices, asked), 1e9)
  })

  it('is that of the name before that of a pattern, and of the closer pattern', () => {
    const prices = { own: { '*': [{ input: 1 }], 'm-*': [{ input: 2 }], 'm-1': [{ input: 3 }] } }
    assert.equal(input(prices, { upstream_model: 'm-1' }), 3e9)
    assert.equal(input(prices, { upstream_model: 'm-2' }), 2e9)
    assert.equal(input(prices, { upstream_model: 'x' }), 1e9)
  })
})

describe('tiers', () => {
  const own = {
    m: [
      {
        input: 1,
        output: 1,
        tiers: [
          { aboveInputTokens: 200, input: 2, output: 2 },
          { aboveInputTokens: 1000, input: 3, output: 3 },
          { serviceTier: 'flex', input: '0.5', output: '0.5' },
          { serviceTier: 'Flex', aboveInputTokens: 200, input: '0.7', output: '0.7' },
        ],
      },
    ],
  }
  const rate = (tokens: number, service_tier: string | null = null) =>
    price({ own }, call({ input: tokens, output: 1 }, { service_tier })).parts.map(({ rate }) => rate / 1e9)

  it('count above their number of tokens, for the whole request', () => {
    assert.deepEqual(rate(200), [1, 1])
    assert.deepEqual(rate(201), [2, 2])
    assert.deepEqual(rate(1000), [2, 2])
    assert.deepEqual(rate(1001), [3, 3])
  })

  it('count for their service tier only, however it is written', () => {
    for (const usual of ['default', 'auto', 'standard', 'Default', ''])
      assert.deepEqual(rate(1, usual), [1, 1])
    assert.deepEqual(rate(1, 'flex'), [0.5, 0.5])
    assert.deepEqual(rate(201, 'FLEX'), [0.7, 0.7])
    assert.deepEqual(rate(5000, 'flex'), [0.7, 0.7])
  })
})

describe('over many calls', () => {
  let seed = 42
  const random = (limit: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((seed / 2 ** 32) * limit)
  }
  const amount = () => `${random(40)}.${String(random(1e9)).padStart(9, '0')}`
  const maybe = () => (random(3) === 0 ? {} : null)
  const used = (): UsedQuantities => {
    const input = random(10 ** (1 + random(7)))
    const output = random(10 ** (1 + random(6)))
    const cached_input = random(input + 1)
    return {
      input,
      cached_input,
      cache_write: random(input - cached_input + 1),
      output,
      reasoning: random(output + 1),
      images: random(3),
    }
  }

  it('the sum is that of the parts, each within half a nano-dollar, and every token is in one part', () => {
    for (let round = 0; round < 300; round++) {
      const rates = {
        input: amount(),
        output: amount(),
        ...(maybe() && { cachedInput: amount() }),
        ...(maybe() && { cacheWrite: amount() }),
        ...(maybe() && { reasoning: amount() }),
        ...(maybe() && { request: amount() }),
      }
      const prices = pricesOf({ own: { m: [rates] } })
      const quantities = used()
      const { nanos, parts } = priceAttempt(prices, call(quantities), now)
      assert.equal(
        nanos,
        parts.reduce((sum, part) => sum + part.nanos, 0),
      )
      for (const { quantity, rate, nanos } of parts) {
        const exact = BigInt(quantity) * BigInt(rate)
        const error = BigInt(nanos) * 1_000_000n - exact
        assert.ok(error > -500_000n && error <= 500_000n)
      }
      const tokens = (...kinds: string[]) =>
        parts.reduce((sum, { kind, quantity }) => sum + (kinds.includes(kind) ? quantity : 0), 0)
      assert.equal(tokens('input', 'cached_input', 'cache_write'), quantities.input)
      assert.equal(tokens('output', 'reasoning'), quantities.output)
    }
  })

  it('more of anything never costs less', () => {
    const rates = { input: amount(), cachedInput: '0.1', cacheWrite: '50', output: amount(), reasoning: '60' }
    const prices = pricesOf({ own: { m: [rates] } })
    const cost = (quantities: UsedQuantities) => priceAttempt(prices, call(quantities), now).nanos as number
    for (let round = 0; round < 300; round++) {
      const quantities = used()
      const before = cost(quantities)
      assert.ok(cost({ ...quantities, input: quantities.input + 1 + random(1000) }) >= before)
      assert.ok(cost({ ...quantities, output: quantities.output + 1 + random(1000) }) >= before)
    }
  })

  it('sums stay exact where binary fractions would not', () => {
    const prices = pricesOf({ own: { m: [{ input: 0.1, output: 0.2 }] } })
    let sum = 0
    for (let round = 0; round < 1000; round++)
      sum += priceAttempt(prices, call({ input: 10, output: 10 }), now).nanos as number
    assert.equal(sum, 3_000_000)
  })
})
