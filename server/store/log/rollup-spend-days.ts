/** Sums by day and what clients say of their requests: the user, and the tags of `metadata`. */

import type { SqlValue, Statement } from '../engine/driver.ts'
import { type CountedRow, type Measures, measuresOf, readJson, toName } from './rollup-row.ts'
import { measures, periods } from './rollup-schema.ts'

/** Values that a day, project and dimension has apart; the rest is added up under ''. */
export const spendValues = 1000
/** Dimensions that a day and project has; further names of metadata are not counted. */
export const spendDimensions = 100

export const userDimension = 'user'
export const metadataDimension = (name: string) => `metadata:${name}`

interface SpendCell {
  key: readonly [day: number, project: string, dimension: string, value: string]
  sums: number[]
}

const columns = ['day', 'project', 'dimension', 'value', ...measures] as const

/**
 * Lists the dimension of a day. Its row is taken by all who write values of it, so these come one after the other on an
 * engine with several writers.
 */
const listDimension = `INSERT INTO spend_dimensions (day, project, dimension)
  SELECT CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS TEXT)
  WHERE (SELECT count(*) FROM spend_dimensions WHERE day = ? AND project = ?) < ?
    OR EXISTS (SELECT 1 FROM spend_dimensions WHERE day = ? AND project = ? AND dimension = ?)
  ON CONFLICT (day, project, dimension) DO UPDATE SET dimension = excluded.dimension`

/** Once there is a rest, every value that is new belongs to it: only until then are they counted. */
const valueIfRoom = `CASE
    WHEN EXISTS (SELECT 1 FROM spend_days WHERE day = ? AND project = ? AND dimension = ? AND value = ?) THEN ?
    WHEN EXISTS (SELECT 1 FROM spend_days WHERE day = ? AND project = ? AND dimension = ? AND value = '') THEN ''
    WHEN (SELECT count(*) FROM spend_days WHERE day = ? AND project = ? AND dimension = ?) < ? THEN ?
    ELSE '' END`

const upsertSpend = `INSERT INTO spend_days (${columns.join(', ')})
  SELECT CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS TEXT), ${valueIfRoom}${measures.map(() => ', CAST(? AS BIGINT)').join('')}
  WHERE EXISTS (SELECT 1 FROM spend_dimensions WHERE day = ? AND project = ? AND dimension = ?)
  ON CONFLICT (day, project, dimension, value) DO UPDATE SET
  ${measures.map((name) => `${name} = spend_days.${name} + excluded.${name}`).join(', ')}`

export class SpendCells {
  readonly #cells = new Map<string, SpendCell>()

  /** Counts a request that has ended; `sign` -1 takes one back. */
  add(row: CountedRow, sign: 1 | -1 = 1): void {
    const tags = tagsOf(row)
    if (tags.length === 0) return
    const day = Math.floor(Number(row.created_at) / periods.day) * periods.day
    const project = toName(row.project)
    const values: Measures = measuresOf(row)
    for (const [dimension, value] of tags) {
      const sums = this.#cell([day, project, dimension, value]).sums
      for (const [index, name] of measures.entries())
        sums[index] = (sums[index] as number) + sign * values[name]
    }
  }

  /** `values`: distinct values that a day, project and dimension may have. */
  statements({ values = spendValues, names = spendDimensions } = {}): Statement[] {
    const statements: Statement[] = []
    let listed = ''
    for (const [, { key, sums }] of [...this.#cells].sort(([one], [other]) => (one < other ? -1 : 1))) {
      if (sums.every((sum) => sum === 0)) continue
      const [day, project, dimension, value] = key
      const of: SqlValue[] = [day, project, dimension]
      if (listed !== of.join('\0')) {
        listed = of.join('\0')
        statements.push({ sql: listDimension, params: [...of, day, project, names, ...of] })
      }
      const room: SqlValue[] = [...of, value, value, ...of, ...of, values, value]
      statements.push({ sql: upsertSpend, params: [...of, ...room, ...sums, ...of] })
    }
    return statements
  }

  #cell(key: SpendCell['key']): SpendCell {
    const name = key.join('\0')
    let cell = this.#cells.get(name)
    if (cell === undefined) {
      cell = { key, sums: measures.map(() => 0) }
      this.#cells.set(name, cell)
    }
    return cell
  }
}

/** Dimension and value of each. */
function tagsOf({ user_id: user, metadata }: CountedRow): [string, string][] {
  const tags: [string, string][] = []
  if (toName(user) !== '') tags.push([userDimension, toName(user)])
  const names = new Set<string>()
  for (const [name, value] of Object.entries(readJson(metadata) ?? {})) {
    const dimension = metadataDimension(toName(name, 64))
    const short = toName(typeof value === 'string' ? value : JSON.stringify(value))
    if (short === '' || names.has(dimension)) continue
    names.add(dimension)
    tags.push([dimension, short])
  }
  return tags
}
