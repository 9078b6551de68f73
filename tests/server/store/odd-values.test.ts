/** No value that a client or a provider sends costs a request its row, nor those that are written with it. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import Database from 'better-sqlite3'
import postgres from 'postgres'
import type { Exchange, RequestSettings } from '../../../server/gateway/exchange.ts'
import type { Usage } from '../../../translators/shared/canonical.ts'
import { openEmptyStore, type TestEngine, testEngines } from './engines.ts'
import { captured, makeAttempt, makeExchange, openTestLog } from './fixtures.ts'

/** Text that nothing makes shorter. */
const noise = (bytes: number) => randomBytes(bytes).toString('base64')

const settings = (changes: Partial<RequestSettings>): Partial<Exchange> => ({
  settings: {
    maxOutputTokens: null,
    temperature: null,
    topP: null,
    frequencyPenalty: null,
    presencePenalty: null,
    serviceTier: null,
    outputType: 'text',
    conversationId: null,
    previousResponseId: null,
    userId: null,
    metadata: null,
    ...changes,
  },
})

const used = (input: number, output: number, cached = 0): Partial<Exchange> => ({
  usageSource: 'provider',
  usage: {
    input_tokens: input,
    output_tokens: output,
    total_tokens: input + output,
    input_tokens_details: { cached_tokens: cached },
    output_tokens_details: { reasoning_tokens: 0 },
  } satisfies Usage,
})

const odd: readonly Partial<Exchange>[] = [
  { model: 'zero\0' },
  { model: 'half\ud800' },
  { model: `'"; DROP TABLE requests; --\\ %_` },
  { model: noise(8000) },
  { model: noise(800_000) },
  { model: '\u6f22'.repeat(5000) },
  settings({ metadata: { 'zero\0': 'zero\0', 'a=b': 'c=d', '\ud800': '\udfff' } }),
  settings({ metadata: { big: noise(800_000) } }),
  settings({ metadata: { ['k'.repeat(64)]: '\u6f22'.repeat(512) } }),
  settings({ userId: 'u\0\ud800' }),
  settings({ userId: noise(9000) }),
  settings({ serviceTier: noise(9000), conversationId: noise(9000), previousResponseId: noise(9000) }),
  { session: noise(9000) },
  { session: 'zero\0\ud800' },
  { responseId: noise(9000) },
  { itemIds: [noise(9000), 'zero\0\ud800', ''] },
  used(2 ** 60, 1e300),
  used(-5, -7, -(2 ** 62)),
  used(1.5, Number.NaN, Number.POSITIVE_INFINITY),
  { caller: { projectId: 'zero\0\'"', keyName: noise(9000) } },
  { traceId: noise(9000), clientRequestId: noise(9000) },
  { userAgent: 'zero\0\ud800', clientAddress: 'zero\0' },
  { adaptations: [{ field: 'zero\0', action: 'dropped', detail: '\ud800' }] },
  {
    status: 'failed',
    error: { type: 't', code: noise(9000), message: noise(500_000), param: noise(9000), origin: 'upstream' },
  },
  { attempts: [makeAttempt({ provider: noise(9000), upstreamModel: noise(9000) })] },
  { clientRequest: captured(JSON.stringify({ input: noise(1_500_000).replace(/.{9}/g, '$& ') })) },
  { clientRequest: captured(JSON.stringify({ input: randomBytes(400_000).toString('hex') })) },
  {
    clientRequest: captured('{"input":"a\\u0000b \\ud800"}'),
    clientResponse: captured(Buffer.of(0, 255, 195)),
  },
  { createdAt: 0 },
  { startedAt: 0, endedAt: 1e15 },
]

const countCells = "SELECT sum(requests) AS sum FROM rollups WHERE grain = 'outcome' AND period = 3600000"

testEngines('values of every kind are one row each, and counted', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  const reasons: string[] = []
  const log = await openTestLog(store, { onDropped: ({ reason }) => reasons.push(reason) })
  for (const changes of odd) {
    const exchange = makeExchange(changes)
    log.started?.(exchange)
    log.finished?.(exchange)
  }
  await log.close()
  assert.deepEqual(reasons, [])
  const rows = await engine.read(store.url, 'SELECT id FROM requests')
  const [counted] = await engine.read(store.url, countCells)
  assert.deepEqual([rows.length, Number(counted?.sum)], [odd.length, odd.length])
})

/** As if the database knew of a reason that we do not. */
async function refuse(engine: TestEngine, url: string, model: string): Promise<void> {
  if (engine.name === 'postgres') {
    const sql = postgres(url, { max: 1 })
    await sql.unsafe(`ALTER TABLE requests ADD CONSTRAINT refusing CHECK (model <> '${model}')`)
    await sql.end()
    return
  }
  const database = new Database(url.replace('sqlite:', ''))
  database.exec(`CREATE TRIGGER refusing BEFORE INSERT ON requests WHEN NEW.model = '${model}'
    BEGIN SELECT RAISE(ABORT, 'refused'); END`)
  database.close()
}

testEngines('a row that the database refuses is lost and counted, and no other', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  await refuse(engine, store.url, 'refused')
  const log = await openTestLog(store)
  const models = Array.from({ length: 40 }, (_, index) => (index % 13 === 12 ? 'refused' : 'taken'))
  for (const model of models) {
    const exchange = makeExchange({ model })
    log.started?.(exchange)
    log.finished?.(exchange)
  }
  while (log.written() + log.dropped() < models.length) await pause(20)
  await log.close()
  assert.deepEqual([log.written(), log.dropped()], [37, 3])
  const rows = await engine.read(store.url, 'SELECT DISTINCT model FROM requests')
  assert.deepEqual(rows, [{ model: 'taken' }])
  const [counted] = await engine.read(store.url, countCells)
  assert.equal(Number(counted?.sum), 37)
})
