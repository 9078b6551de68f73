/** A server that crashes over a commit, and gives the number of the transaction to another. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commitsTable } from '../../../server/store/engine/postgres-commits.ts'
import { openPostgres } from '../../../server/store/engine/postgres-driver.ts'
import { parsePostgresUrl } from '../../../server/store/engine/postgres-place.ts'
import { startCutProxy } from '../../support/cut-proxy.ts'
import { createDatabase, startServer } from '../../support/postgres.ts'
import { whenReached } from '../../support/when-reached.ts'

const limits = { statementTimeout: 120_000, lockTimeout: 120_000, patience: 120_000 }
const sql = (text: string) => ({ sql: text, params: [] })

for (const [when, kept] of [
  ['unseen', false],
  ['after', true],
] as const) {
  test(`a batch that was cut over its commit (${when}) is there once, whoever has its number now`, async (t) => {
    // What is not committed stays in memory, so that the crash takes it along.
    const server = await startServer({ settings: ['wal_writer_delay = 10s', 'autovacuum = off'] })
    t.after(() => server.close())
    const url = await createDatabase(t, server)
    const direct = Number(new URL(url).port)
    const proxy = await startCutProxy(t, direct)
    const openAt = (url: string, changes: { patience?: number } = {}) => {
      const place = parsePostgresUrl(url)
      assert.ok(place)
      const driver = openPostgres({ place, readonly: false, connections: 1, ...limits, ...changes })
      t.after(() => driver.close())
      return driver
    }
    const builder = openAt(url)
    await builder.batch([
      sql('CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)'),
      sql('CREATE TABLE seen (transaction BIGINT)'),
      sql(commitsTable),
    ])
    const driver = openAt(url.replace(`:${direct}/`, `:${proxy.port}/`), { patience: 3000 })
    const first = [sql("INSERT INTO items (id, name) VALUES (1, 'first')")]
    await whenReached(() => driver.batch(first))
    // No key keeps a second one out.
    const add = [sql("INSERT INTO items (id, name) SELECT max(id) + 1, 'added' FROM items RETURNING id")]
    const number = 'SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT) AS number'
    const [next] = await whenReached(() => driver.all(number))
    proxy.cutAt('COMMIT\0', when)
    proxy.refuse(true)
    await assert.rejects(driver.batch(add), { problem: 'unreachable' })
    await server.stop('immediate')
    await server.start()
    const other = openAt(url)
    for (let count = 0; count < 3; count += 1)
      await other.batch([
        sql('INSERT INTO seen (transaction) VALUES (CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT))'),
      ])
    proxy.refuse(false)
    assert.deepEqual(await whenReached(() => driver.batch(add)), [[{ id: 2 }]])
    const [found] = await other.all("SELECT count(*) AS count FROM items WHERE name = 'added'")
    assert.equal(found?.count, 1)
    const seen = await other.all('SELECT transaction FROM seen')
    const isGivenAgain = seen.some(({ transaction }) => transaction === next?.number)
    if (kept) assert.ok(!isGivenAgain)
    // It is, unless the server happened to write what it had in memory in that very second.
    else if (!isGivenAgain) t.diagnostic('The number of the lost transaction was not given again this time.')
  })
}
