/** What two gateways on one PostgreSQL tell of the store that they share, and what each of itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseExposition } from '../server/telemetry/metrics-lint.ts'
import { startTwoGateways } from '../support/two-gateways.ts'

async function scrape(origin: string) {
  const families = parseExposition(await (await fetch(`${origin}/metrics`)).text())
  const samples = families.flatMap((family) => family.samples)
  return (name: string) =>
    samples.filter((sample) => sample.name === name).reduce((sum, { value }) => sum + value, 0)
}

test('both tell the same of the store, and each its own requests', async (t) => {
  const { a, b, gated } = await startTwoGateways(t)
  gated.onCall = (call) => call.answer('Hello.')
  for (const gateway of [a, a, b]) {
    const answer = await gateway.post({ model: 'gated/m', input: 'hi' })
    assert.equal(answer.status, 200, await answer.text())
  }
  const [first, second] = [await scrape(a.origin), await scrape(b.origin)]
  assert.deepEqual(
    [first, second].map((read) => read('dragoman_requests_total')),
    [2, 1],
  )
  const sizeOf = (read: (name: string) => number) => read('dragoman_store_size_bytes')
  assert.ok(sizeOf(first) > 0 && sizeOf(second) > 0)
  // The database grows between two readings while it is at work, and rests soon.
  const readSize = async ({ origin }: { origin: string }) => sizeOf(await scrape(origin))
  await t.waitFor(async () => assert.equal(await readSize(a), await readSize(b)), { timeout: 60_000 })
  for (const read of [first, second])
    assert.deepEqual([read('dragoman_store_reachable'), read('dragoman_store_healthy')], [1, 1])
  assert.ok(first('dragoman_retention_leader') + second('dragoman_retention_leader') <= 1)
})
