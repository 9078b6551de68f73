/** What a row keeps of a cost comes back as it was. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { AttemptCost } from '../../../../server/gateway/money/cost.ts'
import { packCost, unpackCost } from '../../../../server/gateway/money/pack-cost.ts'

const text = fc.string({ maxLength: 20 })
const count = fc.nat()
const attempt: fc.Arbitrary<AttemptCost> = fc.record({
  attempt: fc.integer({ min: 1, max: 9 }),
  provider: text,
  variant: text,
  upstream_model: fc.constantFrom('a', 'b'),
  reported_model: fc.constantFrom('a', 'b', null),
  service_tier: fc.option(text),
  price: fc.option(text),
  usage: fc.constantFrom('provider', 'estimated', null),
  used: fc.option(
    fc.record({
      input: count,
      cached_input: count,
      cache_write: count,
      output: count,
      reasoning: count,
      images: count,
    }),
  ),
  nanos: fc.option(count),
  reason: fc.constantFrom('unknown_model', 'no_usage', 'no_rate', null),
  parts: fc.array(
    fc.record({
      kind: fc.constantFrom(
        'input',
        'cached_input',
        'cache_write',
        'output',
        'reasoning',
        'request',
        'image',
      ),
      quantity: count,
      rate: count,
      nanos: count,
    }),
    { maxLength: 7 },
  ),
})

describe('a packed cost', () => {
  it('is unpacked as it was', () => {
    fc.assert(
      fc.property(fc.array(attempt, { maxLength: 3 }), (attempts) => {
        assert.deepEqual(unpackCost(packCost(attempts)), structuredClone(attempts))
      }),
    )
  })

  it('is null where a secret was taken out of it, or it is something else', () => {
    for (const broken of [
      '[[1,"sail',
      '{}',
      '7',
      '[7]',
      '[[1,"sail","sail","m",1,null,null,"p",null,0,null,[[99,1,1,1]]]]',
    ])
      assert.equal(unpackCost(broken), null)
  })
})
