/** A few deaths in each test run; `npm run crash` goes on for longer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCrashes } from './run-crashes.ts'

const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, one) => sum + one, 0)

for (const [postgres, count, store] of [
  [false, 8, 'a file'],
  [true, 5, 'PostgreSQL, whose server is killed as well'],
] as const)
  test(`nothing that was acknowledged is lost when the gateway is killed, on ${store}`, {
    timeout: 900_000,
  }, async (t) => {
    const seed = Date.now() % 1_000_000
    t.diagnostic(`seed ${seed}`)
    const plan = { kills: count, seed, postgres, log: (line: string) => t.diagnostic(line) }
    const { kills, acts } = await runCrashes(plan)
    assert.equal(total(kills), count)
    assert.ok(total(acts) > 0, 'something was acknowledged')
  })
