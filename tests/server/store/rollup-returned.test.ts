/** A gateway that was taken for dead, and ends its requests after all. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAdminQueries } from '../../../server/store/admin-queries.ts'
import { createMigratedDatabase } from '../../support/postgres.ts'
import { openStoreAt } from './engines.ts'
import { makeExchange, openTestLog } from './fixtures.ts'
import { openDriverAt } from './old-store.ts'
import { readTable } from './rollup-fixtures.ts'

test('what it ends late is counted as it ended, and not as lost', async (t) => {
  const url = await createMigratedDatabase(t)
  const [one, two] = [await openStoreAt(t, url), await openStoreAt(t, url)]
  const log = await openTestLog(one)
  const createdAt = Date.now() - 60_000
  const late = [
    makeExchange({ createdAt, session: 'talk' }),
    makeExchange({ createdAt: createdAt + 10, responseId: 'resp_root' }),
    makeExchange({ createdAt: createdAt + 20, session: 'resp_root' }),
    makeExchange({ createdAt: createdAt + 30, caller: null }),
  ]
  const open = late.map((exchange) => ({ ...exchange, status: 'in_progress' as const, endedAt: null }))
  for (const exchange of open) log.started?.(exchange)
  await log.flush()
  await one.state.beat(0)
  assert.equal(await two.state.beat(60_000), true)
  await two.state.buryDead()
  const queries = createAdminQueries(two)
  const counted = async () => (await queries.overview({})).totals
  const lost = await counted()
  assert.deepEqual([lost.requests, lost.errors, lost.in_progress], [4, 4, 0])
  assert.equal((await queries.getSession('talk'))?.last_status, 'failed')

  for (const [index, exchange] of open.entries()) {
    Object.assign(exchange, late[index])
    log.finished?.(exchange)
  }
  await log.flush()
  const back = await counted()
  assert.deepEqual([back.requests, back.errors], [4, 0])
  const [talk, chain] = [await queries.getSession('talk'), await queries.getSession('resp_root')]
  assert.deepEqual([talk?.requests, talk?.errors, talk?.last_status], [1, 0, 'completed'])
  assert.deepEqual([chain?.requests, chain?.errors], [2, 0])
  await log.close?.()
  const driver = openDriverAt(url)
  t.after(() => driver.close())
  const cells = await readTable(driver, 'rollups')
  assert.deepEqual(
    cells.filter(({ error_code: code, requests }) => code !== '' || requests === 0),
    [],
  )
})
