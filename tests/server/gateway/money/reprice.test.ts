/** Repricing moves sums only while it has the right to, of which there is one on a database. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRepricing, type RepricingOptions } from '../../../../server/gateway/money/reprice.ts'

test('a lease that ended while requests were read is asked for again, and nothing is written without', async () => {
  const asked: string[] = []
  let held = true
  const store = {
    async query(name: string) {
      asked.push(name)
      held = false
      return []
    },
    async step(name: string) {
      asked.push(name)
      return name === 'holdLease' ? held : { changed: 1, nanos: 1n }
    },
  }
  const repricing = createRepricing({
    store: store as unknown as RepricingOptions['store'],
    prices: () => ({ configured: new Map(), defaults: new Map() }),
    providers: () => new Map(),
  })
  const wish = { from: 0, to: 1, unpriced: false, after: null, limit: 10 }
  assert.equal(await repricing.reprice(wish), null)
  assert.deepEqual(asked, ['holdLease', 'readCosts', 'holdLease'])
})
