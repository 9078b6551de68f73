/** A server that crashes over a commit, and gives the number of the transaction to another. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commitsTable } from '../../../server/store/engine/postgres-commits.ts'
import { openPostgres } from '../../../server/store/engine/postgres-driver.ts'
import { parsePostgresUrl } from '../../../server/store/engine/postgres-place.ts'
import { startCutProxy } from '../../support/cut-proxy.ts'
import { createDatabase, startServer } from '../../support/postgres.ts'

const limits = { statementTimeout: 120_000, lockTimeout: 120_000, patience: 3000 }
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
    const place = parsePostgresUrl(url.replace(`:${direct}/`, `:${proxy.port}/`))
    assert.ok(place)
    const driver = openPostgres({ place, readonly: false, connections: 1, ...limits })
    t.after(() => driver.close())
    await driver.batch([
      sql('CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)'),
      sql('CREATE TABLE seen (transaction BIGINT)'),
      sql(commitsTable),
    ])
    await driver.batch([sql("INSERT INTO items (id, name) VALUES (1, 'first')")])
    // No key keeps a second one out.
    const add = [sql("INSERT INTO items (id, name) SELECT max(id) + 1, 'added' FROM items RETURNING id")]
    const [next] = await driver.all(
      'SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT) AS number',
    )
    proxy.cutAt('COMMIT\0', when)
    proxy.refuse(true)
    await assert.rejects(driver.batch(add), { problem: 'unreachable' })
    await server.stop('immediate')
    await server.start()
    const otherPlace = parsePostgresUrl(url)
    assert.ok(otherPlace)
    const other = openPostgres({ place: otherPlace, readonly: false, connections: 1, ...limits })
    for (let count = 0; count < 3; count += 1)
      await other.batch([
        sql('INSERT INTO seen (transaction) VALUES (CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT))'),
      ])
    proxy.refuse(false)
    assert.deepEqual(await driver.batch(add), [[{ id: 2 }]])
    const [found] = await other.all("SELECT count(*) AS count FROM items WHERE name = 'added'")
    assert.equal(found?.count, 1)
    const seen = await other.all('SELECT transaction FROM seen')
    const isGivenAgain = seen.some(({ transaction }) => transaction === next?.number)
    if (kept) assert.ok(!isGivenAgain)
    // It is, unless the server happened to write what it had in memory in that very second.
    else if (!isGivenAgain) t.diagnostic('The number of the lost transaction was not given again this time.')
    await other.close()
  })
}
