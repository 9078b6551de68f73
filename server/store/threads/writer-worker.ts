/** The one thread that writes. Each batch of the log and each group of state writes is one transaction. */

import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { type Driver, type Statement, StoreError } from '../engine/driver.ts'
import { migrate } from '../engine/migrate.ts'
import { migrations } from '../engine/migrations.ts'
import { lockSqlite, openSqlite } from '../engine/sqlite-driver.ts'
import type { RecordBatch, RecordFilter, RecordFilterSource } from '../log/records.ts'
import { countLeftovers, failLeftovers, prepareBatch } from '../log/request-writes.ts'
import { logSteps, type StepContext } from '../log/steps.ts'
import { recover as recoverState } from '../state/upkeep.ts'
import { commitGroup } from '../state/writes.ts'
import { answerCalls, tellHealth } from './worker-loop.ts'
import type { Call, WriterCalls, WriterSettings } from './worker-protocol.ts'

const settings = workerData as WriterSettings

let driver: Driver | null = null
let lock: { close(): void } | null = null
let filter: RecordFilter | null = null
let nextBlock = 1
/** Of the log and of state: each knows only of its own when it is over. Damage to the file is never over. */
const problems: Record<'damage' | 'state' | 'log', string | null> = { damage: null, state: null, log: null }
let told: string | null = null
let closing = false

/** Milliseconds to block for another program's lock at a time. In between, state can be told that it waits in vain. */
const busySlice = 200
/** Milliseconds between tries of state writes, which somebody waits for. */
const statePause = 50

answerCalls<WriterCalls>(
  { open, setFilter, write, writeState, step, close },
  {
    transfer: (value) => (isWritten(value) ? [value.buffer] : []),
    urgent: ['writeState'],
    // Retention makes the room that a batch waits for.
    aside: ['step'],
  },
)

// Calls are answered in order, so a batch that is being tried again would keep the close waiting for ever.
parentPort?.on('message', (call: Call) => {
  if (call.name === 'close') closing = true
})

async function open({ recover }: { recover: boolean }): Promise<WriterCalls['open']['value']> {
  const { path, busyTimeout, maxPages } = settings
  lock = lockSqlite(path)
  try {
    driver = openSqlite({
      path,
      readonly: false,
      busyTimeout,
      maxPages,
      onDamage: (message) => setProblem(message, 'damage'),
    })
    const tables = await driver.all(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    )
    const applied = await migrate({
      driver,
      name: path,
      steps: migrations,
      now: Date.now(),
      tables: tables.map((row) => String(row.name)),
    })
    const context = { instance: settings.instance, now: Date.now() }
    const [leftovers] = recover
      ? (await driver.batch([...countLeftovers, failLeftovers, ...recoverState(context).statements])).slice(
          countLeftovers.length,
        )
      : []
    const [newest] = await driver.all('SELECT max(key) AS key FROM requests')
    const [block] = await driver.all('SELECT max(id) AS id FROM blocks')
    nextBlock = Number(block?.id ?? 0) + 1
    await driver.all(`PRAGMA busy_timeout = ${Math.min(busyTimeout, busySlice)}`)
    return { lastKey: Number(newest?.key ?? 0), leftovers: leftovers?.length ?? 0, applied }
  } catch (error) {
    await close()
    throw error
  }
}

async function setFilter({ module, settings: filterSettings }: RecordFilterSource): Promise<null> {
  const { createRecordFilter } = (await import(module)) as {
    createRecordFilter: (settings: unknown) => RecordFilter
  }
  filter = createRecordFilter(filterSettings)
  return null
}

async function write(batch: RecordBatch): Promise<WriterCalls['write']['value']> {
  if (filter === null) throw new Error('No filter for secrets is set.')
  if (driver === null) throw new StoreError('failed', 'The store is closed.')
  const { dialect } = driver
  const { statements, blockId, lost, committed } = prepareBatch({
    batch,
    filter,
    dialect,
    blockId: nextBlock,
    now: Date.now(),
  })
  nextBlock = blockId
  if (lost[0] !== undefined)
    setProblem(`A request could not be prepared for the log: ${describe(lost[0].error)}`)
  await commit(statements)
  committed()
  if (lost.length === 0) setProblem(null)
  return { lost: lost.map(({ key }) => key), buffer: batch.bytes.buffer }
}

/** Tries again for as long as the reason may pass by itself (a full disk, a lock): the bounded queue is on the other side. */
async function commit(statements: Statement[]): Promise<void> {
  for (;;) {
    try {
      if (driver === null) throw new StoreError('failed', 'The store is closed.')
      await driver.batch(statements)
      return
    } catch (error) {
      setProblem(describe(error))
      if (!(error instanceof StoreError) || !error.transient || closing) throw error
      await sleep(settings.retryDelay)
    }
  }
}

/** Unlike the log this does not wait for ever: an answer to a client does. */
async function writeState({
  writes,
  now,
  patience,
}: WriterCalls['writeState']['argument']): Promise<WriterCalls['writeState']['value']> {
  const end = performance.now() + patience
  if (driver === null) throw new StoreError('failed', 'The store is closed.')
  return commitGroup(writes, {
    driver,
    context: { instance: settings.instance, now },
    pause: async () => {
      if (closing || performance.now() + statePause > end) return false
      await sleep(statePause)
      return true
    },
    onProblem: (problem) => setProblem(problem, 'state'),
  })
}

async function step({ name, argument, now }: WriterCalls['step']['argument']): Promise<unknown> {
  if (driver === null) throw new StoreError('failed', 'The store is closed.')
  const run = logSteps[name] as (context: StepContext, argument: unknown) => Promise<unknown>
  return run({ driver, instance: settings.instance, now }, argument)
}

function isWritten(value: unknown): value is WriterCalls['write']['value'] {
  return typeof value === 'object' && value !== null && 'buffer' in value
}

async function close(): Promise<null> {
  closing = true
  await driver?.close()
  driver = null
  lock?.close()
  lock = null
  return null
}

function setProblem(next: string | null, of: keyof typeof problems = 'log'): void {
  problems[of] = next
  const problem = problems.damage ?? problems.state ?? problems.log
  if (problem === told) return
  told = problem
  tellHealth(problem)
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
