/** The one thread that writes. Each batch of the log and each group of state writes is one transaction. */

import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { StoreError } from '../engine/driver.ts'
import { type PackedRecord, readBatch } from '../log/record-batch.ts'
import type { RecordBatch, RecordFilter, RecordFilterSource } from '../log/records.ts'
import { type Prepared, prepareBatch } from '../log/request-writes.ts'
import { takeBackLost } from '../log/rollup-returned.ts'
import { indexTexts } from '../log/search-writes.ts'
import { logSteps, type StepContext } from '../log/steps.ts'
import { commitGroup } from '../state/writes.ts'
import type { WriterEngine } from './engine.ts'
import { openPostgresEngine } from './postgres-engine.ts'
import { openSqliteEngine } from './sqlite-engine.ts'
import { answerCalls, tellHealth } from './worker-loop.ts'
import type { Call, WriterCalls, WriterSettings } from './worker-protocol.ts'

const settings = workerData as WriterSettings

let engine: WriterEngine | null = null
let filter: RecordFilter | null = null
/** Of the log and of state: each knows only of its own when it is over. Damage to the file is never over. */
const problems: Record<'damage' | 'state' | 'log', string | null> = { damage: null, state: null, log: null }
let told: string | null = null
/** What a batch of the log said that found no room. */
let fullness: string | null = null
let closing = false

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
  const { place } = settings
  engine =
    place.kind === 'postgres'
      ? await openPostgresEngine({ place, settings, recover })
      : await openSqliteEngine({
          path: place.path,
          settings,
          recover,
          onDamage: (message) => setProblem(message, 'damage'),
        })
  return engine.opened
}

async function setFilter({ module, settings: filterSettings }: RecordFilterSource): Promise<null> {
  const { createRecordFilter } = (await import(module)) as {
    createRecordFilter: (settings: unknown) => RecordFilter
  }
  filter = createRecordFilter(filterSettings)
  return null
}

async function write(batch: RecordBatch): Promise<WriterCalls['write']['value']> {
  const lost = await writeRecords([...readBatch(batch)]).catch((error: unknown) => {
    setProblem(describe(error))
    throw error
  })
  if (lost[0] === undefined) setProblem(null)
  else setProblem(`A request could not be written to the log: ${describe(lost[0].error)}`)
  return { lost: lost.map(({ key }) => key), buffer: batch.bytes.buffer }
}

/** Gives those that could not be written. Throws StoreError when that is not for anything that stands in them. */
async function writeRecords(records: readonly PackedRecord[]): Promise<Prepared['lost']> {
  try {
    return await commitRecords(records)
  } catch (error) {
    if (!(error instanceof StoreError) || error.problem !== 'failed' || closing) throw error
    const [first] = records
    if (records.length === 1 && first !== undefined) return [{ key: first.key, error }]
    // One that the database refuses must not take the rest of the batch along.
    const half = records.length >> 1
    return [...(await writeRecords(records.slice(0, half))), ...(await writeRecords(records.slice(half)))]
  }
}

async function commitRecords(records: readonly PackedRecord[]): Promise<Prepared['lost']> {
  if (filter === null) throw new Error('No filter for secrets is set.')
  const { log, blocks } = opened()
  const { dialect } = log
  // A record has one block at most.
  const blockId = await persist(() => blocks.reserve(records.length))
  const prepared = prepareBatch({ records, filter, dialect, blockId, now: Date.now() })
  blocks.use(prepared.blockId)
  const found = await persist(() => indexTexts(opened().log, prepared.texts))
  // What was committed without an answer is not written again, whatever is written with it by then.
  const once = {}
  await persist(async () => {
    const back = await takeBackLost(opened().log, prepared.late)
    await opened().log.batch([...back, ...prepared.statements, ...found], { once })
  })
  prepared.committed()
  return prepared.lost
}

/** Tries again for as long as the reason may pass by itself (a full disk, a lock): the bounded queue is on the other side. */
async function persist<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (error instanceof StoreError && error.problem === 'disk_full') fullness = error.message
      if (!(error instanceof StoreError) || !error.transient) throw error
      setProblem(describe(error))
      if (closing) throw error
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
  return commitGroup(writes, {
    driver: opened().state,
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
  const { log: driver } = opened()
  const run = logSteps[name] as (context: StepContext, argument: unknown) => Promise<unknown>
  return run({ driver, instance: settings.instance, now }, argument)
}

function isWritten(value: unknown): value is WriterCalls['write']['value'] {
  return typeof value === 'object' && value !== null && 'buffer' in value
}

async function close(): Promise<null> {
  closing = true
  const closed = engine
  engine = null
  await closed?.close()
  return null
}

function opened(): WriterEngine {
  if (engine === null) throw new StoreError('failed', 'The store is closed.')
  return engine
}

function setProblem(next: string | null, of: keyof typeof problems = 'log'): void {
  problems[of] = next
  const problem = problems.damage ?? problems.state ?? problems.log
  if (problem === told) return
  told = problem
  tellHealth(problem, problem !== null && problem === fullness)
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
