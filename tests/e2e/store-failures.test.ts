/** What happens to the gateway when something happens to its store's file: traffic goes on, and it is said what is wrong. */

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, copyFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import type { AdminStatus } from '../../server/http/admin/contract.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

interface Setup {
  gateway: TestGateway
  folder: string
  file: string
}

const undoings = new WeakMap<TestContext, (() => unknown)[]>()

/** After the test, the last first. */
function undoLater(t: TestContext, undo: () => unknown): void {
  const known = undoings.get(t)
  if (known !== undefined) {
    known.push(undo)
    return
  }
  const list = [undo]
  undoings.set(t, list)
  t.after(async () => {
    for (const each of list.toReversed()) await each()
  })
}

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dragoman-broken-'))
  undoLater(t, () => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A gateway whose store is `folder`/store.db. */
async function setUp(t: TestContext, folder: string): Promise<Setup> {
  const file = join(folder, 'store.db')
  const gateway = await startGateway({
    configure: (config) => ({ ...config, store: { url: `sqlite:${file}` } }),
  })
  undoLater(t, () => gateway.close())
  assert.equal(await ask(gateway), true)
  await gateway.app.flush()
  return { gateway, folder, file }
}

/** Whether the answer was kept. It is there in any case. */
async function ask({ post }: TestGateway): Promise<boolean> {
  const response = await post({ model: 'gpt-5-mini', input: '/count 3' })
  const body = (await response.json()) as { status: string; output_text: string; store: boolean }
  assert.equal(response.status, 200, JSON.stringify(body))
  assert.deepEqual([body.status, body.output_text], ['completed', '1 2 3'])
  return body.store
}

async function ready({ origin }: TestGateway): Promise<{ status: number; problems: string }> {
  const response = await fetch(`${origin}/readyz`)
  const { problems } = (await response.json()) as { problems: string[] }
  return { status: response.status, problems: problems.join() }
}

/** Waits until /readyz says so; null: until all is well. */
async function readyzSays(gateway: TestGateway, problem: RegExp | null): Promise<void> {
  for (const end = performance.now() + 60_000; ; ) {
    const { status, problems } = await ready(gateway)
    if (problem === null ? status === 200 : status === 503 && problem.test(problems)) return
    assert.ok(performance.now() < end, `/readyz: ${problems}`)
    await pause(50)
  }
}

async function metric({ origin }: TestGateway, name: string): Promise<number> {
  const text = await (await fetch(`${origin}/metrics`)).text()
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1])
}

async function storeStatus({ origin }: TestGateway): Promise<AdminStatus['store']> {
  return ((await (await fetch(`${origin}/admin/status`)).json()) as AdminStatus).store
}

/** Traffic goes on unkept, /readyz and /metrics tell, and with the cause the trouble goes. */
async function passes(gateway: TestGateway, problem: RegExp, mend: () => void): Promise<void> {
  assert.equal(await ask(gateway), false)
  await readyzSays(gateway, problem)
  assert.equal(await metric(gateway, 'dragoman_store_healthy'), 0)
  assert.equal(await metric(gateway, 'dragoman_log_rows_dropped_total'), 0)
  assert.match((await storeStatus(gateway)).problem ?? '', problem)
  mend()
  await readyzSays(gateway, null)
  assert.equal((await storeStatus(gateway)).problem, null)
  assert.equal(await ask(gateway), true)
  assert.equal(await metric(gateway, 'dragoman_store_healthy'), 1)
  const { data } = await gateway.admin<{ data: { status: string }[] }>('/admin/requests')
  assert.deepEqual(
    data.map(({ status }) => status),
    ['completed', 'completed', 'completed'],
    'the record has what was asked meanwhile',
  )
}

const isRoot = process.getuid?.() === 0

test('a file that another program locks', async (t) => {
  const { gateway, file } = await setUp(t, await makeFolder(t))
  const other = new Database(file)
  undoLater(t, () => other.close())
  other.exec('BEGIN IMMEDIATE')
  await passes(gateway, /locked by another process/, () => other.exec('COMMIT'))
})

test('a file that is moved away, and put back', async (t) => {
  const { gateway, file } = await setUp(t, await makeFolder(t))
  renameSync(file, `${file}.away`)
  await pause(300)
  await passes(
    gateway,
    /store\.db is not there any more\. Nothing more is written.*Put the same file back/,
    () => renameSync(`${file}.away`, file),
  )
})

test('a file that is replaced, or deleted for good', async (t) => {
  const { gateway, file } = await setUp(t, await makeFolder(t))
  copyFileSync(file, `${file}.copy`)
  renameSync(`${file}.copy`, file)
  await pause(300)
  assert.equal(await ask(gateway), false)
  await readyzSays(gateway, /was replaced by another one/)
  rmSync(file)
  await readyzSays(gateway, /is not there any more/)
  assert.equal(await ask(gateway), false)
})

test('a file that cannot be written any more', { skip: !isRoot && 'needs root' }, async (t) => {
  const { gateway, file } = await setUp(t, await makeFolder(t))
  const files = [file, `${file}-wal`]
  const set = (flag: string) => execFileSync('chattr', [flag, ...files], { stdio: 'pipe' })
  try {
    set('+i')
  } catch {
    t.skip('this file system knows no immutable files')
    return
  }
  undoLater(t, () => set('-i'))
  await passes(gateway, /cannot be opened or written/, () => set('-i'))
})

test('a disk that is full', { skip: !isRoot && 'needs root' }, async (t) => {
  const folder = await makeFolder(t)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder], { stdio: 'pipe' })
  } catch {
    t.skip('no file system can be mounted here')
    return
  }
  undoLater(t, () => execFileSync('umount', ['-l', folder]))
  const { gateway } = await setUp(t, folder)
  const filler = join(folder, 'filler')
  fillUp(filler)
  await passes(gateway, /cannot grow: its disk .* full/, () => truncateSync(filler, 0))
})

function fillUp(path: string): void {
  for (const size of [1_048_576, 4096]) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' })
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
    }
  }
}

test('a file that is damaged in the middle', async (t) => {
  const { gateway, file } = await setUp(t, await makeFolder(t))
  const other = new Database(file)
  other.pragma('wal_checkpoint(TRUNCATE)')
  other.close()
  const { size } = await stat(file)
  const handle = await open(file, 'r+')
  await handle.write(Buffer.alloc(size - 4096, 0xee), 0, size - 4096, 4096)
  await handle.close()
  assert.equal(await ask(gateway), false)
  await readyzSays(gateway, /not a sound SQLite file\. Restore a backup/)
  const lost = async () => assert.ok((await metric(gateway, 'dragoman_log_rows_dropped_total')) >= 1)
  // State says at once what is wrong; the record tries again before it gives up.
  await t.waitFor(lost, { timeout: 60_000 })
  // It does not pass by itself, and nothing else breaks of it.
  await fetch(`${gateway.origin}/admin/requests`)
  assert.equal(await ask(gateway), false)
  await readyzSays(gateway, /not a sound SQLite file/)
})

/** What the process says when it cannot start on `file`, as the user `uid`. */
async function startAs(folder: string, file: string, uid?: number): Promise<{ code: number; said: string }> {
  const config = join(folder, 'config.json')
  const provider = { variant: 'open-responses', baseUrl: 'http://127.0.0.1:9/v1' }
  writeFileSync(config, JSON.stringify({ store: { url: `sqlite:${file}` }, providers: { p: provider } }))
  chmodSync(config, 0o644)
  const startFile = fileURLToPath(new URL('../../server/start.mjs', import.meta.url))
  const child = spawn(process.execPath, [startFile, '--config', config, '--port', '0'], {
    cwd: folder,
    ...(uid !== undefined && { uid, gid: uid }),
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk))
  const code = await new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1)))
  assert.doesNotMatch(said, /\n\s+at /, 'no stack trace')
  return { code, said }
}

test('a start on what belongs to somebody else says whose it is', {
  skip: !isRoot && 'needs root',
}, async (t) => {
  const folder = await makeFolder(t)
  const file = join(folder, 'store.db')
  const nobody = 65_534
  chmodSync(folder, 0o755)
  const closed = await startAs(folder, file, nobody)
  if (closed.said.includes('EACCES')) return t.skip('the user nobody cannot read this project')
  assert.equal(closed.code, 1)
  assert.match(
    closed.said,
    /cannot be opened or written\. .* belongs to user 0, and this process runs as user 65534/,
  )
  // The folder is its own, but the file is not.
  chownSync(folder, nobody, nobody)
  const made = new Database(file)
  made.exec('PRAGMA user_version = 1')
  made.close()
  chmodSync(file, 0o444)
  const readonly = await startAs(folder, file, nobody)
  assert.equal(readonly.code, 1)
  assert.match(readonly.said, /store\.db belongs to user 0, and this process runs as user 65534/)
})

test('a start on a damaged file names it and what to do', async (t) => {
  const folder = await makeFolder(t)
  const file = join(folder, 'store.db')
  writeFileSync(file, Buffer.alloc(20_000, 0xee))
  const { code, said } = await startAs(folder, file)
  assert.equal(code, 1)
  assert.match(said, /store\.db is not a sound SQLite file\. Restore a backup, or move it away/)
})
