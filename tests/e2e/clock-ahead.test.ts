/** A gateway whose clock is set a hundred days ahead while it runs: by that clock all of its record is too old. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const startFile = fileURLToPath(new URL('../../server/start.mjs', import.meta.url))
const adminKey = 'admin-key-123456'
const ahead = 100 * 86_400_000

/** Loaded into every thread of the gateway before anything else: its clock is ahead from the moment that a file is there. */
const clock = (file: string) => `
  import { existsSync } from 'node:fs'
  const now = Date.now
  Date.now = () => now() + (existsSync(${JSON.stringify(file)}) ? ${ahead} : 0)`

test('removes nothing by it for now, and says so', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'dragoman-clock-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const isAhead = join(folder, 'ahead')
  const config = {
    listen: { host: '127.0.0.1', port: 0 },
    admin: { key: adminKey },
    providers: { local: { variant: 'open-responses', baseUrl: 'http://127.0.0.1:9/v1' } },
  }
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
  await writeFile(join(folder, 'clock.mjs'), clock(isAhead))
  const child = spawn(
    process.execPath,
    ['--import', join(folder, 'clock.mjs'), startFile, '--config', 'config.json'],
    { cwd: folder, env: { ...process.env, LOG_LEVEL: 'warn' }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  t.after(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)))
  // The second round of retention begins up to 65 seconds after the first, and on a busy machine that may be it.
  const patience = { timeout: 180_000 }
  const origin = await t.waitFor(() => {
    const found = /answers at (http:\S+)\/v1\/responses/.exec(said)?.[1]
    assert.ok(found, said)
    return found
  }, patience)
  const readRows = async () => {
    const answer = await fetch(`${origin}/admin/requests`, { headers: { 'x-admin-key': adminKey } })
    return ((await answer.json()) as { data: { id: string }[] }).data.map(({ id }) => id)
  }

  await fetch(`${origin}/v1/responses`, { method: 'POST', body: '{"model":"unknown","input":"hi"}' })
  const rows = await t.waitFor(async () => {
    const found = await readRows()
    assert.equal(found.length, 1)
    return found
  }, patience)
  await writeFile(isAhead, '')
  const setAt = Date.now()
  await t.waitFor(async () => {
    const metrics = await (await fetch(`${origin}/metrics`)).text()
    const ranAt = /^dragoman_retention_last_success_timestamp_seconds (\S+)$/m.exec(metrics)?.[1]
    assert.ok(Number(ranAt) * 1000 > setAt + ahead / 2, `${ranAt}`)
  }, patience)
  assert.deepEqual(await readRows(), rows)
  await t.waitFor(() => assert.match(said, /the clock went ahead/), patience)
})
