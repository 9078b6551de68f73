/** Sums of requests that belong together, in the transaction of their rows. */

import type { Dialect, SqlValue, Statement } from '../engine/driver.ts'
import { insertMany, recordsOf, rowsOf, toJson } from './many-rows.ts'
import { type CountedRow, type Measures, measuresOf, type RowChange, toName } from './rollup-row.ts'
import { measures } from './rollup-schema.ts'

interface SessionCell {
  project: string
  id: string
  firstAt: number
  last: { key: number; at: number; model: string; status: string }
  sums: number[]
}

const head = [
  'project',
  'id',
  'first_at',
  'last_at',
  'last_key',
  'last_model',
  'last_status',
  'has_root',
] as const
const columns = [...head, ...measures]

/** What is newer says what is last, whichever gateway is first to write; also of a request that is counted anew. */
const ofNewer = ['last_at', 'last_model', 'last_status']
  .map(
    (name) =>
      `${name} = CASE WHEN excluded.last_key >= sessions.last_key THEN excluded.${name} ELSE sessions.${name} END`,
  )
  .join(', ')

const addedMeasures = measures.map((name) => `${name} = sessions.${name} + excluded.${name}`).join(', ')
const earlier =
  'CASE WHEN excluded.first_at < sessions.first_at THEN excluded.first_at ELSE sessions.first_at END'

/** What a row of more requests adds to that of a session. */
const withExcluded = `first_at = ${earlier}, ${ofNewer},
  last_key = CASE WHEN excluded.last_key > sessions.last_key THEN excluded.last_key ELSE sessions.last_key END,
  ${addedMeasures}`

const added = `ON CONFLICT (project, id) DO UPDATE SET ${withExcluded}`
const upsertSession = `INSERT INTO sessions (${columns.join(', ')}) VALUES (?${', ?'.repeat(columns.length - 1)}) ${added}`

const ended = "status NOT IN ('in_progress', 'queued')"
const tokens = (name: string, source: string) =>
  `CASE WHEN usage_source ${source} THEN coalesce(${name}, 0) ELSE 0 END`
const reported = (name: string) => tokens(name, "IS NULL OR usage_source <> 'estimated'")
const estimated = (name: string) => tokens(name, "= 'estimated'")

/** The measures of one row in SQL. The part of the cost that is estimated is taken for all or nothing of it. */
export const measuresInSql = {
  requests: '1',
  errors: 'CASE WHEN error_code IS NULL THEN 0 ELSE 1 END',
  streams: 'stream',
  attempts: 'attempts',
  input_tokens: reported('input_tokens'),
  cached_tokens: reported('cached_tokens'),
  cache_write_tokens: reported('cache_write_tokens'),
  output_tokens: reported('output_tokens'),
  reasoning_tokens: reported('reasoning_tokens'),
  estimated_input_tokens: estimated('input_tokens'),
  estimated_cached_tokens: estimated('cached_tokens'),
  estimated_cache_write_tokens: estimated('cache_write_tokens'),
  estimated_output_tokens: estimated('output_tokens'),
  estimated_reasoning_tokens: estimated('reasoning_tokens'),
  cost_nano: 'coalesce(cost_nano, 0)',
  estimated_cost_nano: estimated('cost_nano'),
  unpriced: 'CASE WHEN cost_reason IS NULL THEN 0 ELSE 1 END',
} as const satisfies Record<(typeof measures)[number], string>

/** Of a request that runs. */
export const mayHaveCost = "status = 'in_progress' AND operation <> 'responses.input_tokens'"

/** The measures of one that is about to be failed since its gateway stopped. */
export const leftoverMeasures = {
  ...measuresInSql,
  errors: '1',
  unpriced: `CASE WHEN ${mayHaveCost} THEN 1 ELSE 0 END`,
} as const satisfies Record<(typeof measures)[number], string>

/** A chain that goes on: its first request, which stood alone until now, belongs to the session, once. */
const rootColumns = `coalesce(project, ''), response_id, created_at, created_at, key, coalesce(model, ''), status, 1,
    ${measures.map((name) => measuresInSql[name]).join(', ')}`
const isRootOf = (id: string, project: string) =>
  `response_id = ${id} AND session_id IS NULL AND coalesce(project, '') = ${project} AND ${ended}`
const rootOf = (id: string, project: string) => `
  SELECT ${rootColumns} FROM requests WHERE ${isRootOf(id, project)} ORDER BY key LIMIT 1`
const rootAdded = `ON CONFLICT (project, id) DO UPDATE SET has_root = 1, first_at = ${earlier}, ${addedMeasures}
  WHERE sessions.has_root = 0`
const seedRoot = `INSERT INTO sessions (${columns.join(', ')}) ${rootOf('?', '?')} ${rootAdded}`
const seedRoots = `INSERT INTO sessions (${columns.join(', ')}) SELECT root.* FROM ${recordsOf} AS wanted (id TEXT, project TEXT)
  CROSS JOIN LATERAL (${rootOf('wanted.id', 'wanted.project')}) AS root ${rootAdded}`

/** The first request of a chain whose second was written earlier, by another gateway. */
const addLateRoot = `UPDATE sessions SET has_root = 1,
  first_at = CASE WHEN first_at > ? THEN ? ELSE first_at END,
  ${measures.map((name) => `${name} = ${name} + CAST(? AS BIGINT)`).join(', ')}
  WHERE project = ? AND id = ? AND has_root = 0`

/** The same of many, which are mostly the first of nothing; in one order, as several gateways may do so at a time. */
const addLateRoots = `UPDATE sessions SET has_root = 1,
  first_at = CASE WHEN sessions.first_at > root.first_at THEN root.first_at ELSE sessions.first_at END,
  ${measures.map((name) => `${name} = sessions.${name} + root.${name}`).join(', ')}
  FROM (SELECT late.* FROM ${rowsOf('sessions')} AS late JOIN sessions AS found ON found.id = late.id AND found.project = late.project
    WHERE found.has_root = 0 ORDER BY late.project, late.id FOR UPDATE OF found) AS root
  WHERE sessions.id = root.id AND sessions.project = root.project AND sessions.has_root = 0`
const lateColumns = ['project', 'id', 'first_at', ...measures]

export function sessionStatements(rows: readonly CountedRow[], dialect: Dialect): Statement[] {
  const cells = new Map<string, SessionCell>()
  const late = new Map<string, CountedRow>()
  for (const row of rows) {
    if (typeof row.session_id === 'string') addRow(cells, row)
    else if (typeof row.response_id === 'string') {
      const name = `${toName(row.project)}\0${row.response_id}`
      if (!late.has(name)) late.set(name, row)
    }
  }
  const sorted = [...cells].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, cell]) => cell)
  if (dialect === 'postgres') return writeMany([...late.values()], sorted)
  return [...[...late.values()].map(lateRoot), ...sorted.flatMap((cell) => [seedOf(cell), upsertOf(cell)])]
}

function writeMany(late: readonly CountedRow[], cells: readonly SessionCell[]): Statement[] {
  const statements: Statement[] = []
  if (late.length > 0) {
    const rows = late.map((row) => {
      const values: Measures = measuresOf(row)
      const head = [toName(row.project), String(row.response_id), Number(row.created_at)]
      return [...head, ...measures.map((name) => values[name])]
    })
    statements.push({ sql: addLateRoots, params: [toJson(lateColumns, rows)] })
  }
  if (cells.length === 0) return statements
  const wanted = cells.map(({ id, project }) => [id, project])
  return [
    ...statements,
    { sql: seedRoots, params: [toJson(['id', 'project'], wanted)] },
    ...insertMany({ table: 'sessions', columns, rows: cells.map(paramsOf), conflict: added }),
  ]
}

function addRow(cells: Map<string, SessionCell>, row: CountedRow): void {
  const project = toName(row.project)
  const id = String(row.session_id)
  const key = Number(row.key)
  const at = Number(row.created_at)
  const last = { key, at, model: toName(row.model), status: toName(row.status) }
  const name = `${project}\0${id}`
  let cell = cells.get(name)
  if (cell === undefined) {
    cell = { project, id, firstAt: at, last, sums: measures.map(() => 0) }
    cells.set(name, cell)
  }
  const values: Measures = measuresOf(row)
  cell.firstAt = Math.min(cell.firstAt, at)
  if (key > cell.last.key) cell.last = last
  for (const [index, measure] of measures.entries())
    cell.sums[index] = (cell.sums[index] as number) + values[measure]
}

function seedOf({ project, id }: SessionCell): Statement {
  return { sql: seedRoot, params: [id, project] }
}

function upsertOf(cell: SessionCell): Statement {
  return { sql: upsertSession, params: paramsOf(cell) }
}

function paramsOf({ project, id, firstAt, last, sums }: SessionCell): SqlValue[] {
  return [project, id, firstAt, last.at, last.key, last.model, last.status, 0, ...sums]
}

function lateRoot(row: CountedRow): Statement {
  const values: Measures = measuresOf(row)
  const at = Number(row.created_at)
  return {
    sql: addLateRoot,
    params: [at, at, ...measures.map((name) => values[name]), toName(row.project), String(row.response_id)],
  }
}

const moved = ['cost_nano', 'estimated_cost_nano', 'unpriced'] as const

/** What a request that costs something else now changes in its session; the first of a chain counts in the chain's. */
export function moveSession({ before, after }: RowChange): Statement[] {
  const isRoot = after.session_id === null
  const id = isRoot ? after.response_id : after.session_id
  const [from, to] = [measuresOf(before), measuresOf(after)]
  const differences = moved.map((name) => to[name] - from[name])
  if (typeof id !== 'string' || differences.every((difference) => difference === 0)) return []
  return [
    {
      sql: `UPDATE sessions SET ${moved.map((name) => `${name} = ${name} + CAST(? AS BIGINT)`).join(', ')}
        WHERE project = ? AND id = ? ${isRoot ? 'AND has_root = 1' : ''}`,
      params: [...differences, toName(after.project), id],
    },
  ]
}

/** Takes out a request that is about to be counted anew. */
export function leaveSession(row: CountedRow): Statement[] {
  const isRoot = row.session_id === null
  const id = isRoot ? row.response_id : row.session_id
  if (typeof id !== 'string') return []
  const values: Measures = measuresOf(row)
  return [
    {
      sql: `UPDATE sessions SET ${measures.map((name) => `${name} = ${name} - CAST(? AS BIGINT)`).join(', ')}
        ${isRoot ? ', has_root = 0' : ''} WHERE project = ? AND id = ? ${isRoot ? 'AND has_root = 1' : ''}`,
      params: [...measures.map((name) => values[name]), toName(row.project), id],
    },
  ]
}

/** Of requests that are about to be failed, as `where` says over the columns of `requests`. */
export function countLeftoverSessions(where: string): string[] {
  const inSessions = `FROM requests WHERE (${where}) AND session_id IS NOT NULL`
  const sums = `INSERT INTO sessions (${columns.join(', ')})
    SELECT coalesce(project, ''), session_id, min(created_at), max(created_at), max(key), max(coalesce(model, '')),
      'failed', 0, ${measures.map((name) => `sum(${leftoverMeasures[name]})`).join(', ')}
    ${inSessions} GROUP BY coalesce(project, ''), session_id
    ON CONFLICT (project, id) DO UPDATE SET ${withExcluded}`
  const roots = `INSERT INTO sessions (${columns.join(', ')})
    SELECT ${rootColumns}
    FROM (SELECT DISTINCT session_id AS wanted_id, coalesce(project, '') AS wanted_project ${inSessions}) AS wanted
    CROSS JOIN requests WHERE key = (SELECT min(key) FROM requests AS root WHERE ${isRootOf('wanted_id', 'wanted_project')})
    ${rootAdded}`
  return [sums, roots]
}
