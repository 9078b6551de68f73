/** What happens to the gateway when its PostgreSQL server takes no writes or no connections: traffic goes on, and it is said what is wrong. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import postgres, { type Sql } from 'postgres'
import { openStore } from '../../server/store/store.ts'
import { createDatabase, startServer, type TestServer } from '../support/postgres.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

interface Setup {
  gateway: TestGateway
  server: TestServer
  url: string
}

async function setUp(t: TestContext, settings: readonly string[] = []): Promise<Setup> {
  const server = await startServer({ settings })
  const url = await createDatabase(t, server)
  const gateway = await startGateway({ configure: (config) => ({ ...config, store: { url } }) })
  t.after(async () => {
    await gateway.close()
    await server.close()
  })
  assert.equal(await ask(gateway), true)
  await gateway.app.flush()
  return { gateway, server, url }
}

/** Whether the answer was kept. It is there in any case. */
async function ask({ post }: TestGateway): Promise<boolean> {
  const response = await post({ model: 'gpt-5-mini', input: '/count 3' })
  const body = (await response.json()) as { status: string; output_text: string; store: boolean }
  assert.equal(response.status, 200, JSON.stringify(body))
  assert.deepEqual([body.status, body.output_text], ['completed', '1 2 3'])
  return body.store
}

/** Waits until /readyz says so; null: until all is well. */
async function readyzSays({ origin }: TestGateway, problem: RegExp | null): Promise<void> {
  for (const end = performance.now() + 60_000; ; ) {
    const response = await fetch(`${origin}/readyz`)
    const text = await response.text()
    if (problem === null ? response.status === 200 : response.status === 503 && problem.test(text)) return
    assert.ok(performance.now() < end, `/readyz: ${text}`)
    await pause(50)
  }
}

async function metric({ origin }: TestGateway, name: string): Promise<number> {
  const text = await (await fetch(`${origin}/metrics`)).text()
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1])
}

/** Traffic goes on unkept, /readyz and /metrics tell, and with the cause the trouble goes: nothing is lost, or counted twice. */
async function passes(gateway: TestGateway, problem: RegExp, mend: () => Promise<unknown>): Promise<void> {
  assert.equal(await ask(gateway), false)
  await readyzSays(gateway, problem)
  assert.equal(await metric(gateway, 'dragoman_store_healthy'), 0)
  await mend()
  await readyzSays(gateway, null)
  // The writer is well as soon as it is asked; a connection that only reads may find out a little later.
  while (!(await ask(gateway))) await pause(100)
  const { data } = await gateway.admin<{ data: { status: string }[] }>('/admin/requests')
  assert.ok(data.length >= 3, 'the record has what was asked meanwhile')
  assert.deepEqual(new Set(data.map(({ status }) => status)), new Set(['completed']))
  assert.equal(await metric(gateway, 'dragoman_log_rows_dropped_total'), 0)
  assert.equal(await metric(gateway, 'dragoman_store_healthy'), 1)
  const { totals } = await gateway.admin<{ totals: { requests: number } }>('/admin/spend?group_by=model')
  assert.equal(totals.requests, data.length)
}

async function setReadOnly({ admin }: TestServer, value: 'on' | 'off'): Promise<void> {
  await admin.unsafe(`ALTER SYSTEM SET default_transaction_read_only = ${value}`)
  await admin.unsafe('SELECT pg_reload_conf()')
}

/** Of a new connection: the server has read its configuration again by then. */
async function readOnlyOf(url: string): Promise<string> {
  const sql = postgres(url, { max: 1 })
  const [row] = await sql`SELECT current_setting('default_transaction_read_only') AS value`
  await sql.end()
  return String(row?.value)
}

test('a database that takes no writes any more', async (t) => {
  const { gateway, server, url } = await setUp(t)
  await setReadOnly(server, 'on')
  while ((await readOnlyOf(url)) !== 'on') await pause(50)
  await assert.rejects(openStore({ url }), { problem: 'unwritable', message: /takes writes/ })
  // What is kept can be read all the while.
  assert.equal((await fetch(`${gateway.origin}/admin/requests`)).status, 200)
  await passes(gateway, /cannot be written\. Check that its server takes writes/, async () => {
    await setReadOnly(server, 'off')
  })
})

test('a server that has become a standby, until it is promoted', async (t) => {
  const { gateway, server, url } = await setUp(t)
  await server.stop('fast')
  await writeFile(join(server.data, 'standby.signal'), '')
  await server.start()
  await assert.rejects(openStore({ url }), { problem: 'unwritable', message: /takes writes/ })
  await passes(gateway, /cannot be written/, async () => {
    await server.admin`SELECT pg_promote()`
  })
})

/** Takes every connection that there is, of a server that others use: ends theirs and is there before they are again. */
async function takeAll(url: string): Promise<Sql[]> {
  const taken: Sql[] = []
  while (!(await takeOne(taken, url)));
  // One of theirs may come between the look for such and the try to take one more: then the next look finds it.
  for (let quiet = 0; quiet < 2; ) {
    const ended = await (taken[0] as Sql)`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'other'`
    const before = taken.length
    while (await takeOne(taken, url));
    quiet = ended.length === 0 && taken.length === before ? quiet + 1 : 0
  }
  return taken
}

async function takeOne(taken: Sql[], url: string): Promise<boolean> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, connection: { application_name: 'other' } })
  try {
    await sql`SELECT 1`
    taken.push(sql)
    return true
  } catch (error) {
    await sql.end({ timeout: 0 })
    assert.equal((error as { code?: string }).code, '53300')
    return false
  }
}

test('a server whose connections others have taken, at the start and while it runs', async (t) => {
  const { gateway, url } = await setUp(t, ['max_connections = 14'])
  const taken = await takeAll(url)
  const free = () => Promise.all(taken.map((sql) => sql.end({ timeout: 0 })))
  t.after(free)
  await assert.rejects(openStore({ url }), { problem: 'unreachable', message: /too many clients/ })
  await passes(gateway, /cannot be reached\..*too many clients/, free)
})
