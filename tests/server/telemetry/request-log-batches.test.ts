/** When the rows of the request log are closed into batches, before a writer that answers when the test lets it. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createKeyMaker } from '../../../server/store/engine/keys.ts'
import { PackedBatchBuilder, readBatch } from '../../../server/store/log/record-batch.ts'
import type { RecordBatch } from '../../../server/store/log/records.ts'
import type { Store } from '../../../server/store/store.ts'
import { createRequestLog, type RequestLog } from '../../../server/telemetry/request-log.ts'
import { captured, makeExchange, testLogSettings } from '../store/fixtures.ts'

interface HeldWriter {
  store: Store
  /** What was handed over, in order. */
  batches: RecordBatch[]
  /** Ids of all of these. */
  ids(): string[]
  /** Answers the oldest batch that waits for it, as committed. */
  answer(): Promise<void>
  /** Answers whatever comes from now on. */
  answerAll(): Promise<void>
  isHealthy: boolean
}

function createHeldWriter(): HeldWriter {
  const waiting: (() => void)[] = []
  let isHeld = true
  const answer = async () => {
    waiting.shift()?.()
    // What follows an answer does so in a few turns of promises.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const writer: Omit<HeldWriter, 'store'> = {
    batches: [],
    ids: () =>
      writer.batches.flatMap((batch) => [...readBatch(batch)].map(({ columns }) => String(columns[0]))),
    answer,
    async answerAll() {
      isHeld = false
      while (waiting.length > 0) await answer()
    },
    isHealthy: true,
  }
  const nextKey = createKeyMaker(0)
  const store: Partial<Store> = {
    nextKey,
    addQueue: () => () => undefined,
    setFilter: async () => {},
    healthy: () => writer.isHealthy,
    problem: () => null,
    startBatch: (expectedBytes) => new PackedBatchBuilder(expectedBytes),
    async writeRequests(batch) {
      writer.batches.push(batch)
      if (isHeld) await new Promise<void>((resolve) => waiting.push(resolve))
      return { lost: [] }
    },
  }
  return Object.assign(writer, { store: store as Store })
}

interface Held {
  writer: HeldWriter
  log: RequestLog
  /** Rows of each batch that was handed over. */
  rows(): number[]
  tick(milliseconds: number): void
}

/** Time passes only by `tick`. */
async function openHeldLog(t: TestContext): Promise<Held> {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const writer = createHeldWriter()
  const log = await createRequestLog({
    store: writer.store,
    settings: testLogSettings,
    projects: new Map(),
    providerSecrets: [],
  })
  return {
    writer,
    log,
    rows: () => writer.batches.map(({ rows }) => rows),
    tick: (milliseconds) => t.mock.timers.tick(milliseconds),
  }
}

/** Fills the writer: a batch that is written and one that waits, of a row each. */
async function openStuckLog(t: TestContext): Promise<Held & { sent: string[] }> {
  const held = await openHeldLog(t)
  const sent = [makeExchange(), makeExchange()]
  for (const exchange of sent) {
    held.log.finished?.(exchange)
    held.tick(50)
  }
  assert.deepEqual(held.rows(), [1, 1])
  return { ...held, sent: sent.map(({ id }) => id) }
}

test('a quiet row is written after 50 ms, also while another batch is out', async (t) => {
  const { log, rows, tick } = await openHeldLog(t)
  log.finished?.(makeExchange())
  tick(49)
  assert.deepEqual(rows(), [])
  tick(1)
  assert.deepEqual(rows(), [1])
  log.finished?.(makeExchange())
  tick(20)
  log.finished?.(makeExchange())
  tick(29)
  assert.deepEqual(rows(), [1])
  tick(1)
  assert.deepEqual(rows(), [1, 2])
})

test('what comes while the writer is stuck goes in as few batches as it fits in', async (t) => {
  const { writer, log, rows, tick, sent } = await openStuckLog(t)
  const exchanges = Array.from({ length: 620 }, () => makeExchange())
  for (const exchange of exchanges) {
    log.finished?.(exchange)
    tick(60)
  }
  assert.deepEqual(rows(), [1, 1])
  assert.equal(log.queued(), 622)
  await writer.answerAll()
  assert.deepEqual(rows(), [1, 1, 250, 250, 120])
  assert.deepEqual(writer.ids(), [...sent, ...exchanges.map(({ id }) => id)])
  assert.deepEqual([log.written(), log.queued(), log.dropped()], [622, 0, 0])
  // As before from here on.
  log.finished?.(makeExchange())
  tick(49)
  assert.equal(rows().length, 5)
  tick(1)
  assert.deepEqual(rows().slice(5), [1])
})

test('a megabyte of documents makes a batch while the writer is stuck, too', async (t) => {
  const { writer, log, rows, tick } = await openStuckLog(t)
  for (let index = 0; index < 7; index += 1) {
    log.finished?.(makeExchange({ attempts: [], clientRequest: captured('x'.repeat(400_000)) }))
    tick(60)
  }
  await writer.answerAll()
  assert.deepEqual(rows(), [1, 1, 3, 3, 1])
  assert.equal(log.queuedBytes(), 0)
})

test('an answer closes what has waited for its time, and nothing younger', async (t) => {
  const { writer, log, rows, tick } = await openStuckLog(t)
  log.finished?.(makeExchange())
  tick(49)
  await writer.answer()
  assert.deepEqual(rows(), [1, 1])
  tick(1)
  assert.deepEqual(rows(), [1, 1, 1])
  log.finished?.(makeExchange())
  tick(50)
  log.finished?.(makeExchange())
  assert.deepEqual(rows(), [1, 1, 1])
  await writer.answer()
  assert.deepEqual(rows(), [1, 1, 1, 2])
})

test('a flush closes what waits, and ends when all before it is written', async (t) => {
  const { writer, log, rows, tick } = await openStuckLog(t)
  log.finished?.(makeExchange())
  tick(60)
  let isFlushed = false
  const flushed = log.flush().then(() => {
    isFlushed = true
  })
  log.finished?.(makeExchange())
  await writer.answer()
  assert.deepEqual(rows(), [1, 1, 1])
  await writer.answer()
  tick(10)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(isFlushed, false)
  await writer.answer()
  tick(10)
  await flushed
  assert.equal(log.written(), 3)
  tick(50)
  assert.deepEqual(rows(), [1, 1, 1, 1])
})

test('what waits when the log closes before a store that cannot be written is counted as lost', async (t) => {
  const { writer, log, rows, tick } = await openStuckLog(t)
  for (let index = 0; index < 3; index += 1) log.finished?.(makeExchange())
  tick(60)
  writer.isHealthy = false
  await log.close()
  assert.deepEqual([rows(), log.dropped(), log.queued()], [[1, 1], 3, 2])
})
