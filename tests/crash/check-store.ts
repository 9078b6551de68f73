/** What must be true of the store itself, whatever has died over it. */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import type { StorePlace } from './store-place.ts'

const ended = "status NOT IN ('queued', 'in_progress')"

/** What is under way, by what it is called. */
const open = {
  job: 'SELECT count(*) AS count FROM jobs',
  claim: 'SELECT count(*) AS count FROM idempotency_keys WHERE answer IS NULL',
  lock: 'SELECT count(*) AS count FROM conversations WHERE lock_holder IS NOT NULL',
  response: "SELECT count(*) AS count FROM responses WHERE status IN ('queued', 'in_progress')",
  request: `SELECT count(*) AS count FROM requests WHERE NOT (${ended})`,
} as const

async function findOpen({ read }: StorePlace): Promise<string[]> {
  const left: string[] = []
  for (const [what, sql] of Object.entries(open)) {
    const [row] = await read(sql)
    if (Number(row?.count) > 0) left.push(`${row?.count} of ${what}`)
  }
  return left
}

/** Waits until the gateway has ended what its dead forerunners had, which stays theirs for some seconds. */
export async function waitForRest(place: StorePlace, patience: number): Promise<void> {
  for (const until = performance.now() + patience; performance.now() < until; await pause(200))
    if ((await findOpen(place)).length === 0) return
}

/** Nothing is left running, and everything is counted once. */
export async function checkStore(place: StorePlace): Promise<void> {
  await place.check()
  assert.deepEqual(await findOpen(place), [], 'nothing is left running')
  await checkSums(place)
}

/** By column of `requests`, the columns of sums that it is in. */
const summed = {
  attempts: 'attempts',
  stream: 'streams',
  input_tokens: 'input_tokens + estimated_input_tokens',
  output_tokens: 'output_tokens + estimated_output_tokens',
  cost_nano: 'cost_nano',
} as const

/** The sums of every length and grain are those of the requests that have ended: in one look, since both may grow. */
export async function checkSums({ read }: StorePlace): Promise<void> {
  const whole = (sum: string) => `CAST(COALESCE(${sum}, 0) AS BIGINT)`
  const columns = Object.entries(summed)
  const rows = await read(`
    SELECT grain, CAST(period AS TEXT) AS period, ${whole('sum(requests)')} AS requests,
      ${columns.map(([name, sum]) => `${whole(`sum(${sum})`)} AS ${name}`).join(', ')}
    FROM rollups GROUP BY grain, period
    UNION ALL
    SELECT 'rows', '', count(*), ${columns.map(([name]) => whole(`sum(${name})`)).join(', ')}
    FROM requests WHERE ${ended}`)
  const { grain: _grain, period: _period, ...expected } = rows.find(({ grain }) => grain === 'rows') ?? {}
  for (const { grain, period, ...sums } of rows)
    assert.deepEqual(sums, expected, `the sums of ${grain} cells of ${period} ms are those of the requests`)
}

/** Milliseconds that a request which was answered may take to be in the record. */
const recordTime = 15_000

/** Each of these requests, by id, has its row, soon, and only of those that run in the background it may not have ended. */
export async function checkRows(place: StorePlace, answered: ReadonlyMap<string, unknown>): Promise<void> {
  const until = performance.now() + recordTime
  for (;;) {
    const lacking = await findLacking(place, [...answered.keys()])
    if (lacking.length === 0) return
    const told = JSON.stringify(lacking.map((id) => [id, answered.get(id)]))
    assert.ok(performance.now() < until, `every request that was answered has its row and its end: ${told}`)
    await pause(100)
  }
}

async function findLacking({ read }: StorePlace, ids: readonly string[]): Promise<string[]> {
  // A background request that was put off is told of by the run to come, which names the one that it came with.
  const rows = await read(
    `SELECT id FROM requests WHERE ${ended} OR background = 1 UNION SELECT id FROM request_ids`,
  )
  const known = new Set(rows.map(({ id }) => id))
  return ids.filter((id) => !known.has(id))
}
