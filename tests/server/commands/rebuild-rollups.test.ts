/** The command as it is called, over a gateway whose store has requests that are in no sum. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { AdminOverview } from '../../../server/http/admin/contract.ts'
import { migrate } from '../../../server/store/engine/migrate.ts'
import { migrations } from '../../../server/store/engine/migrations.ts'
import { createRollupRebuilding } from '../../../server/store/rebuild-rollups.ts'
import { startGateway } from '../../support/start-gateway.ts'
import { makeDirectory } from '../store/fixtures.ts'
import { createdAt, oldRequest, openDriverAt } from '../store/old-store.ts'

const startFile = fileURLToPath(new URL('../../../server/start.mjs', import.meta.url))
const hour = 3_600_000
const [from, to] = [new Date(createdAt).toISOString(), new Date(createdAt + 10 * hour).toISOString()]

async function run(t: TestContext, words: string[]): Promise<{ code: number; output: string }> {
  const path = join(await makeDirectory(t), 'config.json')
  const providers = { local: { variant: 'open-responses', baseUrl: 'http://127.0.0.1:9/v1' } }
  await writeFile(path, JSON.stringify({ providers }))
  return new Promise((resolve) => {
    const argv = [startFile, 'rollups', 'rebuild', ...words, '--config', path]
    execFile(process.execPath, argv, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr }),
    )
  })
}

/** Three hours with a request every six minutes, by the first `steps` of the schema. */
async function startOver(t: TestContext, steps: number) {
  const url = `sqlite:${join(await makeDirectory(t), 'log.db')}`
  const driver = openDriverAt(url)
  await migrate({ driver, name: 'old', steps: migrations.slice(0, steps), now: 1, tables: [] })
  await driver.batch(Array.from({ length: 30 }, (_, index) => oldRequest(index * 360_000)))
  await driver.close()
  // Retention would begin to take such old rows away some seconds later.
  const log = { retention: { rowDays: 0, rollupDays: 0 } }
  const gateway = await startGateway({ configure: (config) => ({ ...config, store: { url }, log }) })
  t.after(() => gateway.close())
  const overview = () => gateway.admin<AdminOverview>(`/admin/overview?from=${from}&to=${to}`)
  return { gateway, overview }
}

test('sums that were lost are made again, by the gateway that runs', async (t) => {
  const { gateway, overview } = await startOver(t, migrations.length)
  const lost = await overview()
  assert.deepEqual([lost.totals.requests, lost.incomplete_before], [0, null])
  const done = await run(t, ['--from', from, '--to', to, '--url', gateway.origin])
  assert.equal(done.code, 0, done.output)
  assert.match(done.output, /^10 hours made again, [1-9]\d* sums mended\.$/m)
  const { totals } = await overview()
  assert.deepEqual([totals.requests, totals.input_tokens, totals.output_tokens], [30, 300, 600])
  const again = await run(t, ['--from', from, '--to', to, '--url', gateway.origin])
  assert.match(again.output, /^10 hours made again, 0 sums mended\.$/m)
  const wrong = await run(t, ['--from', to, '--to', from, '--url', gateway.origin])
  assert.equal(wrong.code, 1)
  assert.match(wrong.output, /from must be before to/)
})

test('a gateway counts what an older version wrote by itself', async (t) => {
  const { gateway, overview } = await startOver(t, 3)
  const before = await overview()
  if (before.incomplete_before !== null) {
    const early = await run(t, ['--from', from, '--to', to, '--url', gateway.origin])
    assert.equal(early.code, 0, early.output)
  }
  while ((await overview()).incomplete_before !== null) await pause(50)
  const { totals } = await overview()
  assert.deepEqual([totals.requests, totals.input_tokens], [30, 300])
  const spend = await gateway.admin<{ totals: { requests: number } }>(
    '/admin/spend?from=2026-01-01&to=2026-02-01',
  )
  assert.equal(spend.totals.requests, 30)
})

test('the command goes on until all is done, and says where it was when it is stopped', async (t) => {
  const none = { hours: 0, mended: 0, incomplete: 0, busy: 0, pending: 0 }
  const answers = [
    { ...none, hours: 6, mended: 4, next: '2026-01-02T06:00:00.000Z' },
    { ...none, hours: 3, incomplete: 1, busy: 1, pending: 1, next: null },
    { ...none, hours: 6, next: '2026-01-02T06:00:00.000Z' },
  ]
  const asked: unknown[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    asked.push(JSON.parse(body))
    const answer = answers.shift()
    if (answer === undefined) response.statusCode = 503
    response.end(JSON.stringify(answer ?? { error: { message: 'The disk is full.' } }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const words = ['--from', '2026-01-02', '--to', '2026-01-02T10:00:00Z', '--url', url]
  const done = await run(t, words)
  assert.equal(done.code, 0, done.output)
  assert.match(
    done.output,
    /^9 hours made again, 4 sums mended\. 1 hours have no requests.* 1 were too busy/m,
  )
  assert.deepEqual(asked, [
    { from: '2026-01-02', to: '2026-01-02T10:00:00Z', limit: 6 },
    { from: '2026-01-02T06:00:00.000Z', to: '2026-01-02T10:00:00Z', limit: 6 },
  ])
  const stopped = await run(t, words)
  assert.equal(stopped.code, 1)
  assert.match(stopped.output, /The disk is full\. 6 hours made again.* --from 2026-01-02T06:00:00\.000Z\./)
})

test('two do not do it at the same time', async () => {
  const rebuilding = createRollupRebuilding({
    step: async (name) => {
      assert.match(name, /^(hold|release)Lease$/)
      return false as never
    },
  })
  assert.equal(await rebuilding.rebuild({ from: 0, to: hour, limit: 24 }), null)
})
