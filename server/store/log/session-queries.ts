/** Sessions: requests that belong together. Runs on the reader's thread. */

import type { AdminSession, AdminSessionList } from '../../http/admin/contract.ts'
import type { SqlRow } from '../engine/driver.ts'
import { keyAt } from '../engine/keys.ts'
import { recordsOf, toJson } from './many-rows.ts'
import { formatCursor } from './query-input.ts'
import type { ReadContext } from './reads.ts'
import { formatSum, toTime } from './request-rows.ts'

export interface SessionsInput {
  /** 1 to 500. */
  limit: number
  /** Those whose newest request is older than this key; null for the newest. */
  beforeKey: number | null
  project: string | null
  /** Of the newest request, in Unix milliseconds; `to` is not included. Null: no bound. */
  from: number | null
  to: number | null
}

/** Newest requests of a session that its models are read from. */
const lookedAt = 200
const maximumModels = 20

/** Money as text, which is exact at any size. */
const columns = '*, CAST(cost_nano AS TEXT) AS nanos'

/** One page, by the newest request. */
export async function listSessions(
  { driver, deadline }: ReadContext,
  input: SessionsInput,
): Promise<AdminSessionList> {
  const before = Math.min(
    input.beforeKey ?? Number.MAX_SAFE_INTEGER,
    input.to === null ? Number.MAX_SAFE_INTEGER : keyAt(input.to),
  )
  const where = ['last_key < ? AND last_key >= ?', ...(input.project === null ? [] : ['project = ?'])]
  const rows = await driver.all(
    `SELECT ${columns} FROM sessions WHERE ${where.join(' AND ')} ORDER BY last_key DESC LIMIT ?`,
    [
      before,
      input.from === null ? 0 : keyAt(input.from),
      ...(input.project === null ? [] : [input.project]),
      input.limit + 1,
    ],
  )
  const page = rows.slice(0, input.limit)
  const models = await readModels({ driver, deadline }, page)
  const data = page.map((row, index) => toSession(row, models[index] ?? []))
  const last = page.at(-1)
  return { data, next: rows.length > page.length && last ? formatCursor(Number(last.last_key)) : null }
}

/** The one with the newest request when several projects use the id and none is named; null when there is none. */
export async function getSession(
  context: ReadContext,
  { id, project }: { id: string; project: string | null },
): Promise<AdminSession | null> {
  const [row] = await context.driver.all(
    `SELECT ${columns} FROM sessions WHERE id = ?${project === null ? '' : ' AND project = ?'} ORDER BY last_key DESC LIMIT 1`,
    project === null ? [id] : [id, project],
  )
  if (row === undefined) return null
  const [models = []] = await readModels(context, [row])
  return toSession(row, models)
}

const modelsOf = (id: string, project: string) => `
  SELECT DISTINCT model FROM (
    SELECT model, project FROM (SELECT model, project FROM requests WHERE session_id = ${id} ORDER BY key DESC LIMIT ${lookedAt}) AS named
    UNION ALL SELECT model, project FROM requests WHERE response_id = ${id} AND session_id IS NULL) AS newest
    WHERE model IS NOT NULL AND coalesce(project, '') = ${project} ORDER BY model LIMIT ${maximumModels}`

const modelsOfOne = modelsOf('?', '?')
/** Of many at once, for a server: a plan for each would take it longer than to read them. */
const modelsOfMany = `SELECT wanted.place, models.model
  FROM ${recordsOf} AS wanted (place BIGINT, id TEXT, project TEXT)
  CROSS JOIN LATERAL (${modelsOf('wanted.id', 'wanted.project')}) AS models ORDER BY wanted.place, models.model`

/** By session, of its newest requests that still have a row. */
async function readModels(
  { driver, deadline }: ReadContext,
  sessions: readonly SqlRow[],
): Promise<string[][]> {
  const models: string[][] = sessions.map(() => [])
  if (driver.dialect === 'postgres') {
    const wanted = sessions.map(({ id = null, project = null }, place) => [place, id, project])
    const rows = await driver.all(modelsOfMany, [toJson(['place', 'id', 'project'], wanted)])
    for (const { place, model } of rows) models[Number(place)]?.push(String(model))
  } else {
    for (const [place, { id = null, project = null }] of sessions.entries()) {
      deadline.check()
      const rows = await driver.all(modelsOfOne, [id, id, project])
      models[place] = rows.map(({ model }) => String(model))
    }
  }
  return models.map((names, place) => {
    const last = sessions[place]?.last_model
    return names.length === 0 && typeof last === 'string' && last !== '' ? [last] : names
  })
}

function toSession(row: SqlRow, models: string[]): AdminSession {
  const [input, output] = [Number(row.input_tokens), Number(row.output_tokens)]
  const [requests, unpriced] = [Number(row.requests), Number(row.unpriced)]
  return {
    id: String(row.id),
    project: row.project === '' ? null : String(row.project),
    started_at: toTime(row.first_at),
    last_at: toTime(row.last_at),
    requests,
    errors: Number(row.errors),
    input_tokens: input,
    output_tokens: output,
    total_tokens: input + output,
    estimated_tokens: Number(row.estimated_input_tokens) + Number(row.estimated_output_tokens),
    cost_usd: formatSum(BigInt(String(row.nanos)), { requests, unpriced }),
    unpriced,
    last_status: String(row.last_status),
    models,
  }
}
