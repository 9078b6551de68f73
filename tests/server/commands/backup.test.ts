/** The backup as it is called: a process of its own beside a gateway that goes on writing. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { createAdminQueries } from '../../../server/store/admin-queries.ts'
import { openStore } from '../../../server/store/store.ts'
import { makeDirectory, makeExchange, openTestLog, openTestStore } from '../store/fixtures.ts'
import { makeTurn } from '../store/state-fixtures.ts'

const startFile = fileURLToPath(new URL('../../../server/start.mjs', import.meta.url))

interface Ended {
  code: number
  output: string
}

/** `backup <words>` under a configuration of the store `url`. */
async function runBackup(directory: string, url: string, words: string[]): Promise<Ended> {
  const config = {
    store: { url },
    providers: { local: { variant: 'open-responses', baseUrl: 'http://127.0.0.1:9/v1' } },
    models: { m: { targets: [{ provider: 'local', model: 'm' }] } },
  }
  const path = join(directory, 'config.json')
  await writeFile(path, JSON.stringify(config))
  return new Promise((resolve) => {
    const argv = [startFile, 'backup', ...words, '--config', path]
    execFile(process.execPath, argv, { cwd: directory }, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr })
    })
  })
}

test('a backup under write load is sound, private, and opens as the store it was', async (t) => {
  const store = await openTestStore(t)
  const log = await openTestLog(store)
  const directory = await makeDirectory(t)
  const turn = makeTurn()
  await store.state.commitTurn(turn)
  const before = Array.from({ length: 500 }, () => makeExchange())
  for (const exchange of before) log.finished?.(exchange)
  await store.flush()
  let backingUp = true
  let during = 0
  const load = (async () => {
    while (backingUp) {
      log.finished?.(makeExchange())
      await store.state.commitTurn(makeTurn())
      during += 1
      await pause(2)
    }
  })()
  const target = join(directory, 'copy.db')
  const ended = await runBackup(directory, `sqlite:${store.path}`, [target])
  backingUp = false
  await load
  assert.equal(ended.code, 0, ended.output)
  assert.match(ended.output, /copy\.db: .*B of .*log\.db, copied and checked in [\d.]+ s/)
  assert.ok(during > 10, 'the gateway wrote meanwhile')
  assert.equal(store.healthy(), true)
  await store.flush()
  assert.equal(log.dropped(), 0)
  assert.equal((await stat(target)).mode & 0o777, 0o600)
  assert.deepEqual(
    (await readdir(directory)).sort(),
    ['config.json', 'copy.db'],
    'one file, and nothing left over',
  )

  // Restored: in the place of the old file, of which nothing is left.
  await store.close()
  for (const suffix of ['', '-wal', '-shm']) await rm(`${store.path}${suffix}`, { force: true })
  await copyFile(target, store.path)
  const restored = await openStore({ url: `sqlite:${store.path}` })
  t.after(() => restored.close())
  const queries = createAdminQueries(restored)
  for (const { id } of [before[0], before[499]].map((exchange) => exchange ?? makeExchange()))
    assert.equal((await queries.getRequest(id))?.status, 'completed')
  const chain = await restored.state.readChain(turn.project, turn.id)
  assert.deepEqual(chain.kind === 'found' && chain.turns[0]?.input, JSON.parse(turn.input))
  // It goes on as the old one would have.
  const next = makeExchange()
  const again = await openTestLog(restored)
  again.finished?.(next)
  await restored.flush()
  assert.equal((await queries.getRequest(next.id))?.status, 'completed')
})

test('nothing is written over', async (t) => {
  const store = await openTestStore(t)
  const directory = await makeDirectory(t)
  const url = `sqlite:${store.path}`
  await writeFile(join(directory, 'taken.db'), 'mine')
  const taken = await runBackup(directory, url, ['--to', 'taken.db'])
  assert.equal(taken.code, 1)
  assert.match(taken.output, /taken\.db exists and is left as it is/)
  assert.equal(await readFile(join(directory, 'taken.db'), 'utf8'), 'mine')
  const nowhere = await runBackup(directory, url, ['no/such/folder.db'])
  assert.equal(nowhere.code, 1)
  assert.match(nowhere.output, /folder\.db\.partial cannot be made .*directory exists/)
  const nameless = await runBackup(directory, url, [])
  assert.equal(nameless.code, 1)
  assert.match(nameless.output, /--to: is needed: backup --to <file>/)
  for (const { output } of [taken, nowhere, nameless]) assert.doesNotMatch(output, /\n\s+at /)
})

test('a store that is not there, or not in a file, is said', async (t) => {
  const directory = await makeDirectory(t)
  const missing = await runBackup(directory, 'sqlite:nothing.db', ['to.db'])
  assert.equal(missing.code, 1)
  assert.match(missing.output, /There is no store at .*nothing\.db/)
  const memory = await runBackup(directory, 'sqlite::memory:', ['to.db'])
  assert.equal(memory.code, 2)
  assert.match(memory.output, /nothing to copy/)
  assert.deepEqual(await readdir(directory), ['config.json'])
})

test('what is broken is not called a backup', async (t) => {
  const store = await openTestStore(t)
  const log = await openTestLog(store)
  for (let made = 0; made < 2000; made += 1) log.finished?.(makeExchange())
  await store.close()
  const directory = await makeDirectory(t)
  const pages = new Database(store.path)
  const { rootpage } = pages
    .prepare("SELECT rootpage FROM sqlite_master WHERE name = 'requests_by_model'")
    .get() as { rootpage: number }
  pages.close()
  const file = await open(store.path, 'r+')
  await file.write(Buffer.alloc(4096, 0xee), 0, 4096, (rootpage - 1) * 4096)
  await file.close()
  const ended = await runBackup(directory, `sqlite:${store.path}`, ['to.db'])
  assert.equal(ended.code, 1)
  assert.match(ended.output, /not sound/)
  assert.deepEqual(await readdir(directory), ['config.json'])
})
