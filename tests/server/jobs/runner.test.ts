/** The runner over a store that fails now and then: no job is lost, none runs twice at a time, each ends once. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { GatewayError } from '../../../server/errors.ts'
import type { Exchange } from '../../../server/gateway/exchange.ts'
import type { RespondOptions } from '../../../server/gateway/work.ts'
import { createJobs, type Jobs, type JobsDependencies } from '../../../server/jobs/index.ts'
import { writeKeptRequest } from '../../../server/jobs/kept-request.ts'
import type { StateStore } from '../../../server/store/state/state.ts'
import { openStore, type Store } from '../../../server/store/store.ts'

const project = 'default'
let folder: string
let store: Store
let jobs: Jobs
/** Methods of the store that fail, each as many times. */
let failing: Map<string, number>
/** Whether what fails has been done all the same, and its answer is lost. */
let isLate: boolean
/** What takes and givings back wait for, one after the other. */
let line: Promise<unknown>
let troubles: unknown[]
let finished: Exchange[]
/** What the gateway does with a job. */
let respond: (options: RespondOptions) => Promise<void>

function flaky(state: StateStore): StateStore {
  return new Proxy(state, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown
      if (typeof value !== 'function') return value
      return (...given: unknown[]) => {
        const left = failing.get(String(name)) ?? 0
        const send = () => (value as (...given: unknown[]) => Promise<unknown>).apply(target, given)
        const call = () => {
          if (name !== 'takeJobs' && name !== 'releaseJob') return send()
          line = line.then(send, send)
          return line
        }
        if (left === 0) return call()
        failing.set(String(name), left - 1)
        const failed = new Error(`${String(name)} failed`)
        return isLate ? call().then(() => Promise.reject(failed)) : Promise.reject(failed)
      }
    },
  })
}

const queuedBody = { id: '', object: 'response', status: 'queued', model: 'm', output: [], error: null }

async function accept(
  id: string,
  members: Record<string, unknown> = {},
  expiresAt: number | null = null,
): Promise<void> {
  const request = { model: 'm', input: [], background: true, store: true, ...members }
  await store.state.acceptJob({
    id,
    project,
    createdAt: Date.now(),
    expiresAt,
    previousId: null,
    conversation: null,
    streamed: false,
    model: 'm',
    include: [],
    input: '[]',
    inputIds: [],
    body: JSON.stringify({ ...queuedBody, id }),
    request: writeKeptRequest({
      request,
      caller: { projectId: project, keyName: 'open' },
      unsupported: null,
      events: 'openai',
      idempotencyKey: null,
      isPrompted: false,
    }),
    events: null,
    idempotency: null,
  })
}

async function statusOf(id: string): Promise<string> {
  return (await store.state.getResponse(project, id))?.status ?? 'gone'
}

async function until(id: string, status: string): Promise<void> {
  while ((await statusOf(id)) !== status) await pause(5)
}

const broken = () => Promise.reject(new GatewayError('upstream_error', 'Broken.'))
const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new GatewayError('client_closed_request', 'Gone.')))
  })

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dragoman-jobs-'))
  store = await openStore({ url: `sqlite:${join(folder, 'test.db')}` })
  failing = new Map()
  isLate = false
  line = Promise.resolve()
  troubles = []
  finished = []
  respond = broken
  const runtime = {
    state: { backgroundJobs: 2, retentionDays: 30 },
    projects: new Map(),
    log: { bodies: 'none', maxBodyBytes: 0 },
  }
  const dependencies = {
    state: flaky(store.state),
    gateway: {
      async respond(options: RespondOptions) {
        await options.job?.onBegin()
        await respond(options)
      },
    },
    runtime: () => runtime,
    observer: { started() {}, finished: (exchange: Exchange) => finished.push(exchange) },
    onTrouble: (error: unknown) => troubles.push(error),
  } as unknown as JobsDependencies
  jobs = createJobs(dependencies)
})
afterEach(async () => {
  await jobs.stop(0)
  await jobs.leave()
  await store.close()
  await rm(folder, { recursive: true, force: true })
})

describe('the runner of jobs', () => {
  it('runs what it finds at the start, and ends it once', async () => {
    await accept('resp_1')
    await accept('resp_2')
    await jobs.start()
    await until('resp_1', 'failed')
    await until('resp_2', 'failed')
    assert.deepEqual(troubles, [])
    while (finished.length < 2) await pause(5)
    assert.deepEqual(finished.map(({ status, responseId }) => [status, responseId]).sort(), [
      ['failed', 'resp_1'],
      ['failed', 'resp_2'],
    ])
    const stored = await store.state.getResponse(project, 'resp_1')
    assert.deepEqual((JSON.parse(stored?.body ?? '') as { error: unknown }).error, {
      code: 'upstream_error',
      message: 'Broken.',
    })
  })
  it('keeps a failure as soon as the store takes it', async () => {
    failing.set('commitTurn', 2)
    await accept('resp_1')
    await jobs.start()
    await until('resp_1', 'failed')
    assert.equal(troubles.length, 2)
    while (finished.length === 0) await pause(5)
    assert.deepEqual(
      finished.map(({ status }) => status),
      ['failed'],
    )
  })
  for (const method of ['getResponse', 'startJob']) {
    it(`takes a job again that could not begin, as ${method} failed, also when it cannot be given back at once`, async () => {
      let runs = 0
      respond = () => {
        runs += 1
        return broken()
      }
      failing.set(method, 1)
      failing.set('releaseJob', 1)
      await accept('resp_1')
      await jobs.start()
      await until('resp_1', 'failed')
      assert.equal(runs, 1)
      assert.ok(troubles.length >= 2)
    })
  }
  it('goes on after it could not ask for jobs', async () => {
    failing.set('takeJobs', 1)
    await accept('resp_1')
    await jobs.start()
    await until('resp_1', 'failed')
  })
  it('finds what it has taken without being told', async () => {
    failing.set('takeJobs', 1)
    isLate = true
    await accept('resp_1')
    await jobs.start()
    await until('resp_1', 'failed')
  })
  for (const [deaths, runsThen] of [
    [9, 1],
    [10, 0],
  ] as const)
    it(`${runsThen === 0 ? 'gives up' : 'runs'} what ${deaths} processes have ended with before it began`, async () => {
      let runs = 0
      respond = () => {
        runs += 1
        return broken()
      }
      await accept('resp_1')
      const database = new Database(join(folder, 'test.db'))
      database.prepare('UPDATE jobs SET takes = ?').run(deaths)
      database.close()
      await jobs.start()
      await until('resp_1', 'failed')
      assert.equal(runs, runsThen)
      const stored = await store.state.getResponse(project, 'resp_1')
      const { error } = JSON.parse(stored?.body ?? '') as { error: { code: string } }
      assert.equal(error.code, runs === 0 ? 'gateway_restarted' : 'upstream_error')
    })
  it('records the end that it was not told of', async () => {
    failing.set('commitTurn', 1)
    isLate = true
    await accept('resp_1')
    await jobs.start()
    while (finished.length === 0) await pause(5)
    assert.equal(finished[0]?.status, 'failed')
  })
  it('gives a job back once, so that nobody loses it who has taken it since', async () => {
    let runs = 0
    respond = ({ signal }) => {
      runs += 1
      return untilAborted(signal)
    }
    failing.set('startJob', 1)
    await accept('resp_1')
    await jobs.start()
    while (finished.length === 0) await pause(5)
    await pause(50)
    // Nothing can be written for as long as the runner needs to look twice.
    line = pause(2300)
    await until('resp_1', 'in_progress')
    await pause(1200)
    assert.equal(runs, 1)
    assert.deepEqual(await store.state.takeJobs(1), [], 'it is still taken')
  })
  it('ends what has expired before it could run', async () => {
    await accept('resp_1', {}, Date.now() - 1)
    await jobs.start()
    while (finished.length === 0) await pause(5)
    assert.equal(finished[0]?.status, 'cancelled')
    await jobs.stop(0)
    await jobs.leave()
    await store.close()
    const database = new Database(join(folder, 'test.db'), { readonly: true })
    assert.deepEqual(database.prepare('SELECT response_id FROM jobs').all(), [])
    assert.deepEqual(database.prepare('SELECT id FROM responses').all(), [])
    database.close()
  })
  it('says nothing of a start that fails but to its caller', async () => {
    failing.set('beat', 1)
    await assert.rejects(jobs.start(), /beat failed/)
  })
  it('gives back what runs when the process stops, to be run by the next', async () => {
    let aborted: unknown = null
    respond = ({ signal }) => untilAborted(signal).finally(() => (aborted = signal.reason))
    await accept('resp_1')
    await jobs.start()
    await until('resp_1', 'in_progress')
    await jobs.stop(0)
    assert.equal(aborted, 'stopped')
    assert.equal(await statusOf('resp_1'), 'in_progress')
    const [taken] = await store.state.takeJobs(1)
    assert.deepEqual([taken?.id, taken?.takes], ['resp_1', 2])
    assert.deepEqual(
      finished.map(({ error }) => error?.code),
      ['gateway_restarted'],
    )
  })
  it('stops a run whose response others have deleted', async () => {
    const seen: unknown[] = []
    respond = ({ signal, sink }) => {
      sink.write([])
      return untilAborted(signal).finally(() => seen.push(signal.reason))
    }
    await accept('resp_1')
    await jobs.start()
    await until('resp_1', 'in_progress')
    assert.equal(await jobs.remove(project, 'resp_1'), true)
    while (finished.length === 0) await pause(5)
    assert.deepEqual(seen, ['cancelled'])
    assert.equal(await jobs.remove(project, 'resp_1'), false)
    assert.equal(jobs.running(), 0)
  })
  it('cancels in the end what the store refused to cancel at first', async () => {
    respond = ({ signal }) => untilAborted(signal)
    await accept('resp_1')
    await jobs.start()
    await until('resp_1', 'in_progress')
    failing.set('cancelJob', 1)
    await assert.rejects(jobs.cancel(project, 'resp_1'), /cancelJob failed/)
    assert.equal(await statusOf('resp_1'), 'in_progress')
    assert.equal((JSON.parse(await jobs.cancel(project, 'resp_1')) as { status: string }).status, 'cancelled')
  })
})
