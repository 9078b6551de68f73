/** The process as it is started: what it prints works, it ends in order, and says in a line why it cannot start. */

import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createAdminQueries } from '../../server/store/admin-queries.ts'
import { openStore } from '../../server/store/store.ts'
import { startGatedProvider } from '../support/gated-provider.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const startFile = join(root, 'server/start.mjs')

interface Started {
  process: ChildProcess
  /** What it has printed so far. */
  output: () => string
  exit: Promise<number | null>
}

let folder: string
/** Each with its end. */
const running = new Map<ChildProcess, Promise<unknown>>()
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dragoman-process-'))
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
})
afterEach(async () => {
  for (const child of running.keys()) child.kill('SIGKILL')
  // The next one may have the same file.
  await Promise.all(running.values())
})
after(() => rm(folder, { recursive: true, force: true }))

function start(args: string[], env: Record<string, string> = {}, node = process.execPath): Started {
  const { HOST: _, PORT: __, ...inherited } = process.env
  const child = spawn(node, [startFile, ...args], {
    cwd: folder,
    env: { ...inherited, LOG_LEVEL: 'error', ...env },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk))
  const exit = once(child, 'close').then(([code]) => {
    running.delete(child)
    return code as number | null
  })
  running.set(child, exit)
  return { process: child, output: () => text, exit }
}
/** Waits for the line that tells where it answers. */
async function listening({ process: child, output }: Started): Promise<string> {
  for (;;) {
    const origin =
      /answers at (http:\S+)\/v1\/responses[\s\S]*\n\nOpenAI's SDK[\s\S]*next\.output_text\)/.exec(
        output(),
      )?.[1]
    if (origin !== undefined) return origin
    assert.equal(child.exitCode, null, output())
    await once(child.stdout as NodeJS.ReadableStream, 'data')
  }
}
/** Waits until it has said this on its standard output. */
async function until({ process: child, output }: Started, word: string): Promise<void> {
  while (!output().includes(word)) await once(child.stdout as NodeJS.ReadableStream, 'data')
}
/** Runs the curl line and the SDK snippet as they were printed. */
async function tryPrinted(printed: string, env: Record<string, string> = {}): Promise<[string, string]> {
  const curl = /^ {2}(curl .+)$/m.exec(printed)?.[1] ?? ''
  const snippet = printed.slice(printed.indexOf('hello.mjs)\n') + 11).split('\n\n')[0] ?? ''
  await writeFile(join(folder, 'hello.mjs'), snippet.replaceAll(/^ {2}/gm, ''))
  const options = { cwd: folder, env: { ...process.env, ...env } }
  const { stdout: curled } = await run('sh', ['-c', `${curl} -s`], options)
  const { stdout: streamed } = await run(process.execPath, ['hello.mjs'], options)
  return [(JSON.parse(curled) as { output_text: string }).output_text, streamed]
}
function openStream(
  origin: string,
  input: string,
  { agent, model = 'gpt-5-mini' }: { agent?: Agent; model?: string } = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const call = httpRequest(`${origin}/v1/responses`, { method: 'POST', headers, agent }, resolve)
    call.on('error', reject)
    call.end(JSON.stringify({ model, input, stream: true }))
  })
}

describe('a start without configuration', () => {
  it('prints calls that work as printed', async () => {
    const gateway = start(['--port', '0'])
    await listening(gateway)
    const [curled, streamed] = await tryPrinted(gateway.output())
    assert.equal(curled, '1 2 3')
    // The second turn is another provider's, and has the first one whole.
    assert.equal(streamed, '1 2 3 4 5\nuser: /count 5\nassistant: 1 2 3 4 5\nuser: /history\n')
  })
  it('prints calls that work with keys and a quoted model name, too', async () => {
    const sandbox = start(['--port', '0'])
    const origin = await listening(sandbox)
    const config = {
      listen: { port: 0 },
      store: { url: 'sqlite::memory:' },
      admin: { key: '${ADMIN}' },
      projects: { acme: { keys: ['${ACME}'] } },
      providers: { inner: { variant: 'open-responses', baseUrl: `${origin}/v1` } },
      models: { "it's mine": { targets: [{ provider: 'inner', model: 'gpt-4o' }] } },
    }
    await writeFile(join(folder, 'keys.json'), JSON.stringify(config))
    const env = { ADMIN: 'admin-key-123456', ACME: 'acme-key-123456' }
    const gateway = start(['--config', 'keys.json'], env)
    await listening(gateway)
    assert.doesNotMatch(gateway.output(), /-key-123456/)
    const [curled, streamed] = await tryPrinted(gateway.output(), { DRAGOMAN_KEY: env.ACME })
    assert.match(curled, /Say hello/)
    assert.match(streamed, /Say hello[\s\S]*And in Samarkand\?/)
  })
})

describe('a signal', () => {
  it('lets a stream end, takes no new request, writes the record, and ends the process', async (t) => {
    const provider = await startGatedProvider()
    t.after(() => provider.close())
    const config = {
      store: { url: 'sqlite:signal.db' },
      providers: { gated: { variant: 'open-responses', baseUrl: provider.url } },
      models: { held: { targets: [{ provider: 'gated', model: 'm' }] } },
    }
    await writeFile(join(folder, 'signal.json'), JSON.stringify(config))
    const gateway = start(['--config', 'signal.json', '--port', '0'])
    const origin = await listening(gateway)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const opened = openStream(origin, 'hi', { agent, model: 'held' })
    const call = await provider.next()
    call.begin()
    const stream = await opened
    let text = ''
    stream.setEncoding('utf8').on('data', (chunk) => (text += chunk))
    gateway.process.kill('SIGTERM')
    await until(gateway, 'SIGTERM')
    // The same connection, so that it is the gateway that answers and not the kernel.
    const late = new Promise<number | undefined>((resolve) => {
      const request = httpRequest(`${origin}/readyz`, { agent }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
      request.on('error', () => resolve(undefined)).end()
    })
    call.finish()
    await once(stream, 'end')
    assert.match(text, /event: response\.completed/)
    assert.match(text, /data: \[DONE\]\n\n$/)
    assert.ok([503, undefined].includes(await late))
    await assert.rejects(fetch(`${origin}/healthz`))
    assert.equal(await gateway.exit, 0)
    agent.destroy()
    const store = await openStore({ url: `sqlite:${join(folder, 'signal.db')}` })
    const { data } = await createAdminQueries(store).listRequests({ limit: 1 })
    await store.close()
    assert.deepEqual([data[0]?.model, data[0]?.status], ['held', 'completed'])
  })
  it('ends it in order also when nobody reads its output any more', async () => {
    const gateway = start(['--port', '0'])
    const origin = await listening(gateway)
    const agent = new Agent()
    const stream = await openStream(origin, '/slow 20 /count 30', { agent })
    let text = ''
    for await (const chunk of stream) {
      if (text === '') {
        gateway.process.stdout?.destroy()
        gateway.process.kill('SIGTERM')
      }
      text += chunk
    }
    assert.match(text, /event: response\.completed/)
    assert.equal(await gateway.exit, 0)
    agent.destroy()
  })
  it('that comes twice ends it at once', async () => {
    const gateway = start(['--port', '0'])
    const stream = await openStream(await listening(gateway), '/slow 200 /count 500')
    stream.on('error', () => {})
    await once(stream, 'data')
    gateway.process.kill('SIGINT')
    await until(gateway, 'SIGINT')
    gateway.process.kill('SIGINT')
    assert.equal(await gateway.exit, 1)
  })
})

describe('a start that cannot be', () => {
  async function refusal(started: Started): Promise<string> {
    assert.equal(await started.exit, 1, started.output())
    assert.doesNotMatch(started.output(), /\n\s+at /, 'no stack trace')
    return started.output()
  }
  it('names a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    assert.match(await refusal(start(['--port', String(port)])), new RegExp(`EADDRINUSE.*${port}.*--port`))
    other.close()
  })
  it('names a store that cannot be opened', async () => {
    const config = {
      // Behind a file, so that root cannot write there either.
      store: { url: 'sqlite:store.json/dragoman.db' },
      providers: { local: { variant: 'open-responses', baseUrl: 'http://127.0.0.1:9/v1' } },
      models: { m: { targets: [{ provider: 'local', model: 'm' }] } },
    }
    await writeFile(join(folder, 'store.json'), JSON.stringify(config))
    assert.match(await refusal(start(['--config', 'store.json', '--port', '0'])), /store\.json/)
  })
  it('does not open a gateway without keys to the network', async () => {
    assert.match(await refusal(start(['--host', '0.0.0.0', '--port', '0'])), /key/)
  })
  it('tells an old Node.js which one is needed', async (t) => {
    const old = ['/usr/bin/node', '/usr/local/bin/node'].find(existsSync)
    const version = old === undefined ? '' : (await run(old, ['--version'])).stdout
    if (old === undefined || Number(/\d+/.exec(version)?.[0]) >= 22) {
      t.skip('there is no old Node.js on this machine to start it with')
      return
    }
    const text = await refusal(start([], {}, old))
    assert.match(text, /needs Node\.js 22\.19 or newer; this is \d/)
  })
})
