/** The command as it is called: a process of its own that asks a gateway that runs. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startGateway, type TestGateway } from '../../support/start-gateway.ts'
import { makeDirectory } from '../store/fixtures.ts'

const startFile = fileURLToPath(new URL('../../../server/start.mjs', import.meta.url))
const adminKey = 'admin-key-123'
const range = ['--from', '2026-01-01', '--to', '2200-01-01']

async function run(
  t: TestContext,
  words: string[],
  { listen = {}, env = {} }: { listen?: unknown; env?: Record<string, string> } = {},
): Promise<{ code: number; output: string }> {
  const path = join(await makeDirectory(t), 'config.json')
  const providers = { local: { variant: 'open-responses', baseUrl: 'http://127.0.0.1:9/v1' } }
  await writeFile(path, JSON.stringify({ providers, listen }))
  t.after(() => rm(path, { force: true }))
  return new Promise((resolve) => {
    const argv = [startFile, 'reprice', ...words, '--config', path]
    const { DRAGOMAN_ADMIN_KEY: _, ...own } = process.env
    execFile(process.execPath, argv, { env: { ...own, ...env } }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr }),
    )
  })
}

async function startWithKey(t: TestContext): Promise<TestGateway> {
  const gateway = await startGateway({
    configure: (config) => ({ ...config, admin: { key: adminKey }, prices: {} }),
  })
  t.after(() => gateway.close())
  return gateway
}

test('it asks the gateway where the configuration says, with the admin key of the environment', async (t) => {
  const gateway = await startWithKey(t)
  const headers = { 'x-admin-key': adminKey, 'x-project-id': 'default' }
  await (await gateway.post({ model: 'gpt-5-mini', input: 'hi' }, headers)).text()
  await gateway.app.flush()
  const listen = { host: '127.0.0.1', port: Number(new URL(gateway.origin).port) }
  const env = { DRAGOMAN_ADMIN_KEY: adminKey }
  const done = await run(t, [...range, '--all'], { listen, env })
  assert.equal(done.code, 0, done.output)
  assert.match(done.output, /^\d+ requests? looked at, 0 changed \(\+0\.000000000 USD\), /)
  const elsewhere = await run(t, [...range, '--url', gateway.origin], { env })
  assert.equal(elsewhere.code, 0, elsewhere.output)
  const refused = await run(t, range, { listen })
  assert.equal(refused.code, 1)
  assert.match(refused.output, /Put the admin key into DRAGOMAN_ADMIN_KEY/)
  const wrong = await run(t, ['--from', 'soon', '--to', '2027-01-01'], { listen, env })
  assert.equal(wrong.code, 1)
  assert.match(wrong.output, /from must be ISO 8601/)
})

test('it goes on until all is done, adds up what was done, and says where it was when it is stopped', async (t) => {
  const answers = [
    { examined: 2000, changed: 5, unknown: 1, skipped: 0, difference_usd: '0.000000007', next: 'ka' },
    { examined: 2000, changed: 5, unknown: 1, skipped: 2, difference_usd: '-1.000000000', next: 'kb' },
    { examined: 3, changed: 0, unknown: 0, skipped: 0, difference_usd: '0.000000000', next: null },
  ]
  const asked: Record<string, unknown>[] = []
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
  const done = await run(t, [...range, '--url', url])
  assert.equal(done.code, 0, done.output)
  assert.match(
    done.output,
    /^4003 requests looked at, 10 changed \(-0\.999999993 USD\), 2 without a known cost, 2 left as they are\.$/m,
  )
  assert.deepEqual(
    asked.map(({ cursor, which }) => [cursor, which]),
    [
      [undefined, 'unpriced'],
      ['ka', 'unpriced'],
      ['kb', 'unpriced'],
    ],
  )
  answers.push({ examined: 1, changed: 1, unknown: 0, skipped: 0, difference_usd: '0.000000001', next: 'kc' })
  const stopped = await run(t, [...range, '--url', url, '--after', 'kb'])
  assert.equal(stopped.code, 1)
  assert.match(stopped.output, /The disk is full\. 1 requests looked at.*To go on from there: --after kc\./)
})

test('it says what is missing', async (t) => {
  const alone = await run(t, [...range, '--url', 'http://127.0.0.1:1'])
  assert.equal(alone.code, 1)
  assert.match(alone.output, /No gateway answers at http:\/\/127\.0\.0\.1:1\. Start it/)
  const both = await run(t, [...range, '--all', '--unpriced'])
  assert.equal(both.code, 2)
  assert.match((await run(t, ['--from', '2026-01-01'])).output, /--to/)
})

test('it says what is wrong with where it was sent', async (t) => {
  for (const url of ['127.0.0.1:8787', 'localhost:8787', 'http://', 'ftp://127.0.0.1']) {
    const { code, output } = await run(t, [...range, '--url', url])
    assert.equal(code, 1)
    assert.match(output, /^--url must be an origin, like http:\/\/127\.0\.0\.1:8787, not ".*"\./, url)
  }
  const server = createServer((_, response) => response.end('<html>Hello</html>'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const other = await run(t, [...range, '--url', url])
  assert.equal(other.code, 1)
  assert.match(other.output, new RegExp(`^What answers at ${url} is no gateway`))
  const broken = await run(t, [...range, '--url', url], { env: { DRAGOMAN_ADMIN_KEY: 'two\nlines' } })
  assert.equal(broken.code, 1)
  assert.match(broken.output, /^DRAGOMAN_ADMIN_KEY .*line break/)
  assert.doesNotMatch(broken.output, /two/)
})
