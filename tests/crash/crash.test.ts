/** A few deaths in each test run; `npm run crash` goes on for longer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCrashes } from './run-crashes.ts'

test('nothing that was acknowledged is lost when the gateway is killed', { timeout: 300_000 }, async (t) => {
  const seed = Date.now() % 1_000_000
  t.diagnostic(`seed ${seed}`)
  const { kills, acts } = await runCrashes({ kills: 8, seed, log: (line) => t.diagnostic(line) })
  const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, one) => sum + one, 0)
  assert.equal(total(kills), 8)
  assert.ok(total(acts) > 0, 'something was acknowledged')
})
