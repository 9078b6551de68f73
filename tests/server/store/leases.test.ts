/** A lease has one holder at a time; that of one that is gone ends by itself. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Driver } from '../../../server/store/engine/driver.ts'
import { migrate } from '../../../server/store/engine/migrate.ts'
import { migrations } from '../../../server/store/engine/migrations.ts'
import { openSqlite } from '../../../server/store/engine/sqlite-driver.ts'
import { holdLease, releaseLease } from '../../../server/store/log/leases.ts'
import { createRollupRebuilding } from '../../../server/store/rebuild-rollups.ts'
import { recover } from '../../../server/store/state/upkeep.ts'
import { openStore } from '../../../server/store/store.ts'
import { createMigratedDatabase } from '../../support/postgres.ts'
import { openEmptyStore, testEngines } from './engines.ts'
import { patient } from './fixtures.ts'
import { dialects, openEngine } from './log/engines.ts'
import { hour } from './rollup-fixtures.ts'

async function withDriver(work: (driver: Driver) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'dragoman-leases-'))
  const driver = openSqlite({ path: join(folder, 'test.db'), readonly: false, busyTimeout: 1000 })
  try {
    await migrate({ driver, name: 'test', steps: migrations, now: 1, tables: [] })
    await work(driver)
  } finally {
    await driver.close()
    await rm(folder, { recursive: true, force: true })
  }
}

describe('holdLease', () => {
  it('has one holder, who may hold it for longer, until its time is over', () =>
    withDriver(async (driver) => {
      const ask = (instance: string, now: number, name = 'retention') =>
        holdLease({ driver, instance, now }, { name, milliseconds: 100 })
      assert.equal(await ask('one', 1000), true)
      assert.equal(await ask('two', 1001), false)
      assert.equal(await ask('two', 1001, 'rollups'), true, 'each name by itself')
      assert.equal(await ask('one', 1050), true)
      assert.equal(await ask('two', 1149), false, 'held until 1150 by now')
      assert.equal(await ask('two', 1150), true)
      assert.equal(await ask('one', 1151), false)
    }))

  it('is given back when the store is closed, and taken from one that is gone', async (t) => {
    const url = await createMigratedDatabase(t)
    const lease = { name: 'retention', milliseconds: 600_000 }
    const open = () => openStore({ url, ...patient })
    const [one, two, three] = [await open(), await open(), await open()]
    t.after(() => Promise.all([one, two, three].map((store) => store.close())))
    assert.equal(await one.step('holdLease', lease), true)
    assert.equal(await two.step('holdLease', lease), false)
    await one.close()
    assert.equal(await two.step('holdLease', lease), true)
    // Its last sign of life is over, and nobody has closed it.
    await two.state.beat(0)
    assert.equal(await three.state.beat(10_000), true)
    await three.state.buryDead()
    assert.equal(await three.step('holdLease', lease), true)
  })

  it('does not outlive a process that had the file, however that ended', () =>
    withDriver(async (driver) => {
      const lease = { name: 'retention', milliseconds: 600_000 }
      assert.equal(await holdLease({ driver, instance: 'killed', now: 1000 }, lease), true)
      await driver.batch(recover({ instance: 'next', now: 1001 }).statements)
      assert.equal(await holdLease({ driver, instance: 'next', now: 1001 }, lease), true)
    }))

  it('is a step of the store', async () => {
    const store = await openStore({ url: 'sqlite::memory:' })
    assert.equal(await store.step('holdLease', { name: 'retention', milliseconds: 1000 }), true)
    await store.close()
  })
})

for (const dialect of dialects) {
  it(`${dialect}: a lease is given back by its holder alone`, async (t) => {
    const driver = await openEngine(t, dialect)
    const as = (instance: string) => ({ driver, instance, now: 1000 })
    const lease = { name: 'retention', milliseconds: 600_000 }
    assert.equal(await holdLease(as('one'), lease), true)
    await releaseLease(as('two'), lease)
    await releaseLease(as('one'), { name: 'rollups' })
    assert.equal(await holdLease(as('two'), lease), false)
    await releaseLease(as('one'), lease)
    assert.equal(await holdLease(as('two'), lease), true)
  })
}

testEngines('sums are made again under a lease that ends with the work', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  const { rebuild } = createRollupRebuilding(store)
  const held = async () => (await engine.read(store.url, 'SELECT name FROM leases')).map(({ name }) => name)
  const wish = { from: 0, to: 3 * hour, limit: 2 }
  assert.equal((await rebuild(wish))?.next, 2 * hour)
  assert.deepEqual(await held(), ['rollup-rebuild'], 'for who goes on')
  assert.equal((await rebuild({ ...wish, from: 2 * hour }))?.next, null)
  assert.deepEqual(await held(), [])
  const seen: unknown[][] = []
  const watched = createRollupRebuilding({
    step: async (name, argument) => {
      if (name !== 'holdLease') seen.push(await held())
      return store.step(name, argument)
    },
  })
  const long = watched.rebuild({ ...wish, limit: 3 })
  await Promise.all([long, watched.rebuild({ ...wish, to: hour })])
  assert.deepEqual(await held(), [])
  assert.equal(seen.length, 5)
  for (const names of seen) assert.deepEqual(names, ['rollup-rebuild'], 'until the last of two is done')
})

testEngines('a lease does not stay behind when making sums again fails', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  const { rebuild } = createRollupRebuilding({
    step: async (name, argument) => {
      if (name === 'rebuildHour') throw new Error('The disk is full.')
      return store.step(name, argument)
    },
  })
  await assert.rejects(rebuild({ from: 0, to: hour, limit: 1 }), /The disk is full/)
  assert.deepEqual(await engine.read(store.url, 'SELECT name FROM leases'), [])
})
