import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { createAdminQueries } from '../../../server/store/admin-queries.ts'
import { openStore } from '../../../server/store/store.ts'
import { makeDirectory, makeExchange, openTestLog, openTestStore } from './fixtures.ts'

test('a url that is none of ours is refused with the form that works', async () => {
  for (const url of ['', 'sqlite:', 'data.db', 'mysql://user:hidden@host/db']) {
    await assert.rejects(openStore({ url }), (error: Error & { problem?: string }) => {
      assert.equal(error.problem, 'bad_url')
      assert.match(error.message, /sqlite:<path>/)
      assert.doesNotMatch(error.message, /hidden/)
      return true
    })
  }
})

test('directories are made; a path that cannot be is refused by name', async (t) => {
  const directory = await makeDirectory(t)
  const path = join(directory, 'a', 'b', 'log.db')
  const store = await openTestStore(t, { path })
  assert.equal(store.location, path)
  await writeFile(join(directory, 'file'), '')
  await assert.rejects(openStore({ url: `sqlite:${join(directory, 'file', 'log.db')}` }), {
    name: 'StoreError',
    problem: 'unwritable',
    message: /cannot be made .*store\.url/,
  })
  await mkdir(join(directory, 'folder'))
  await assert.rejects(openStore({ url: `sqlite:${join(directory, 'folder')}` }), {
    problem: 'unwritable',
    message: /folder cannot be opened or written/,
  })
})

test('a file that is no database, or a broken one, is refused and left as it is', async (t) => {
  const directory = await makeDirectory(t)
  const path = join(directory, 'text.db')
  await writeFile(path, 'This is not a database, but it is long enough to be read as one. '.repeat(100))
  await assert.rejects(openStore({ url: `sqlite:${path}` }), {
    problem: 'corrupt',
    message: /text\.db is not a sound/,
  })

  const broken = await openTestStore(t, { path: join(directory, 'broken.db') })
  await broken.close()
  const { readFile } = await import('node:fs/promises')
  const bytes = await readFile(broken.path)
  await writeFile(broken.path, bytes.fill(0xff, 100, 4096))
  await assert.rejects(openStore({ url: `sqlite:${broken.path}` }), { problem: 'corrupt' })
  assert.deepEqual(await readFile(broken.path), bytes)
})

test('another program’s database is refused', async (t) => {
  const path = join(await makeDirectory(t), 'other.db')
  const other = new Database(path)
  other.exec('CREATE TABLE users (id INTEGER)')
  other.close()
  await assert.rejects(openStore({ url: `sqlite:${path}` }), { problem: 'foreign', message: /\(users\)/ })
})

test('a schema of a newer version is refused with what to do', async (t) => {
  const store = await openTestStore(t)
  await store.close()
  const database = new Database(store.path)
  database.prepare('INSERT INTO migrations (name, applied_at) VALUES (?, ?)').run('9999-flying-cars', 1)
  database.close()
  await assert.rejects(openStore({ url: `sqlite:${store.path}` }), {
    problem: 'newer_schema',
    message: /9999-flying-cars.*Run that version or a later one/,
  })
})

test('one store has one gateway', async (t) => {
  const store = await openTestStore(t)
  await assert.rejects(openStore({ url: `sqlite:${store.path}` }), {
    problem: 'locked',
    message: /in use by another Dragoman/,
  })
  await store.close()
  const next = await openStore({ url: `sqlite:${store.path}` })
  await next.close()
})

test('a file locked by another program at the start is refused', async (t) => {
  const path = join(await makeDirectory(t), 'log.db')
  const other = new Database(path)
  t.after(() => other.close())
  other.exec('BEGIN EXCLUSIVE')
  await assert.rejects(openStore({ url: `sqlite:${path}`, busyTimeout: 20 }), {
    problem: 'locked',
    message: /locked by another process/,
  })
})

test('a lock that another program takes later makes the store unhealthy, and loses nothing', async (t) => {
  const store = await openTestStore(t, { busyTimeout: 20, retryDelay: 20 })
  const log = await openTestLog(store)
  assert.equal(store.healthy(), true)
  const other = new Database(store.path)
  t.after(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  const exchange = makeExchange()
  log.finished?.(exchange)
  await store.flush()
  assert.equal(store.healthy(), false)
  assert.match(store.problem() ?? '', /locked by another process/)
  assert.equal(log.queued(), 1)
  assert.equal(await createAdminQueries(store).getRequest(exchange.id), null)

  other.exec('COMMIT')
  while (!store.healthy()) await new Promise((resolve) => setTimeout(resolve, 5))
  await store.flush()
  assert.equal((await createAdminQueries(store).getRequest(exchange.id))?.status, 'completed')
  assert.equal(log.dropped(), 0)
  assert.equal(log.written(), 1)
  assert.equal(store.problem(), null)
})

test('a full disk is told, counted at the end, and nothing crashes', async (t) => {
  const store = await openTestStore(t, { maxPages: 100, retryDelay: 10 })
  const log = await openTestLog(store)
  let finished = 0
  while (store.healthy()) {
    // Text that does not compress away.
    log.finished?.(makeExchange({ userAgent: randomBytes(2000).toString('hex') }))
    finished += 1
    await store.flush()
  }
  assert.match(store.problem() ?? '', /cannot grow/)
  for (let more = 0; more < 20; more += 1) log.finished?.(makeExchange())
  finished += 20
  assert.equal(log.written() + log.queued(), finished)
  assert.ok((await createAdminQueries(store).listRequests({})).data.length > 0)
  await log.close()
  await store.close()
  assert.ok(log.dropped() >= 21)
  assert.equal(log.written() + log.dropped(), finished)
})

test('closing writes everything first', async (t) => {
  const store = await openTestStore(t)
  const log = await openTestLog(store)
  const exchanges = Array.from({ length: 2500 }, () => makeExchange())
  for (const exchange of exchanges) {
    log.started?.(exchange)
    log.finished?.(exchange)
  }
  await store.close()
  assert.equal(log.written(), 2500)
  assert.equal(log.queued(), 0)
  await assert.rejects(createAdminQueries(store).listRequests({}), { problem: 'failed', message: /closed/ })
  const again = await openStore({ url: `sqlite:${store.path}` })
  t.after(() => again.close())
  assert.equal(again.leftovers, 0)
  assert.equal((await createAdminQueries(again).getRequest(exchanges[2499]?.id ?? ''))?.status, 'completed')
  // Keys go on where the last process ended, also when the clock has not.
  assert.ok(again.nextKey(0) > 1024 * (exchanges[2499]?.createdAt ?? 0))
})

test('what a killed process left in progress has failed by the next start', async (t) => {
  const directory = await makeDirectory(t)
  const path = join(directory, 'log.db')
  const script = `
    import { makeExchange, openTestLog } from ${JSON.stringify(new URL('./fixtures.ts', import.meta.url).href)}
    import { openStore } from ${JSON.stringify(new URL('../../../server/store/store.ts', import.meta.url).href)}
    const store = await openStore({ url: ${JSON.stringify(`sqlite:${path}`)} })
    const log = await openTestLog(store)
    const done = makeExchange({ id: 'req_done' })
    log.started(done)
    log.finished(done)
    const open = { endedAt: null, status: null, httpStatus: null, error: null }
    log.started(makeExchange({ id: 'req_open', ...open }))
    log.started(makeExchange({ id: 'req_queued', ...open, background: true, attempts: [] }))
    await store.flush()
    console.log('ready')
    setInterval(() => {}, 1000)
  `
  const file = join(directory, 'child.mjs')
  await writeFile(file, script)
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => assert.fail('the child ended early')),
  ])
  child.kill('SIGKILL')
  await once(child, 'exit')

  const store = await openTestStore(t, { path })
  assert.equal(store.leftovers, 2)
  const open = await createAdminQueries(store).getRequest('req_open')
  assert.equal(open?.status, 'failed')
  assert.equal(open.error?.code, 'gateway_restarted')
  assert.equal(open.error.origin, 'gateway')
  assert.equal(open.latency_ms, null)
  assert.equal((await createAdminQueries(store).getRequest('req_done'))?.error, null)
  assert.deepEqual(
    (await createAdminQueries(store).listRequests({ status: ['failed'] })).data.map((row) => row.id),
    ['req_queued', 'req_open'],
  )
})
