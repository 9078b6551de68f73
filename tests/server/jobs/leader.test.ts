/** Removing what has expired, by one of several instances on one PostgreSQL at a time. */
import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import postgres from 'postgres'
import { createMaintenance } from '../../../server/jobs/index.ts'
import { openStore } from '../../../server/store/store.ts'
import { createMigratedDatabase } from '../../support/postgres.ts'
import { makeTurn } from '../store/state-fixtures.ts'

it('is done by one instance, and by the other when that is gone', async (t) => {
  const endings: (() => unknown)[] = []
  const later = { after: (work: () => unknown) => endings.push(work) }
  const url = await createMigratedDatabase(later as unknown as TestContext)
  const stores = await Promise.all([openStore({ url }), openStore({ url })])
  const sweeps = [0, 0]
  const rounds = [0, 0]
  const instances = stores.map((store, index) =>
    createMaintenance({
      state: {
        sweep(now, limit) {
          sweeps[index] = (sweeps[index] ?? 0) + 1
          return store.state.sweep(now, limit)
        },
      },
      sealer: {
        async rotate() {
          rounds[index] = (rounds[index] ?? 0) + 1
        },
      },
      holdLease: (lease) => store.step('holdLease', lease),
      onTrouble: (error) => assert.fail(String(error)),
      interval: 10,
      leaseTime: 600_000,
      stepSize: 2,
      stepPause: 1,
      grace: 0,
    }),
  )
  const [one, two] = stores
  const ids = Array.from({ length: 7 }, (_, index) => `resp_${index}`)
  for (const id of ids) await one.state.commitTurn(makeTurn({ id, expiresAt: Date.now() - 1 }))
  t.after(async () => {
    await Promise.all(instances.map((instance) => instance.stop()))
    await Promise.all(stores.map((store) => store.close()))
    for (const end of endings) await end()
  })
  for (const instance of instances) instance.start()
  while (rounds.some((count) => count < 5)) await pause(5)
  const leader = sweeps.findIndex((count) => count > 0)
  const other = 1 - leader
  assert.equal(sweeps[other], 0, `${sweeps}`)
  assert.ok(Number(sweeps[leader]) >= 4, 'seven, two in a step')

  await instances[leader]?.stop()
  const done = sweeps[leader]
  await two.state.commitTurn(makeTurn({ id: 'resp_late', expiresAt: Date.now() - 1 }))
  // As if ten minutes had passed.
  const sql = postgres(url, { max: 1 })
  await sql`UPDATE leases SET until = 0`
  await sql.end()
  while (sweeps[other] === 0) await pause(20)
  assert.equal(sweeps[leader], done)
})
