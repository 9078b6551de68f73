/**
 * Sums over requests that have ended, kept when the requests are gone, and what every chart is made from.
 *
 * A cell of `rollups` is one combination of values over one minute, hour, day or week of UTC, by the time of admission. Not
 * every reader needs every column apart, and those that do not would add up thousands of cells: so each request counts
 * in one cell of each grain, whose other columns are ''. `grain` is how fine the cells are: never add up two grains.
 */

import { mergeHistogramsInPostgres } from './rollup-histograms.ts'

const minute = 60_000
const hour = 3_600_000
const day = 86_400_000
/** From one Thursday to the next: the first of them began with 1970. */
const week = 604_800_000

/** Lengths in milliseconds. */
export const periods = { minute, hour, day, week } as const
export type Period = (typeof periods)[keyof typeof periods]

/** Those that are kept when the minutes are gone. */
export const longPeriods: readonly Period[] = [hour, day, week]

/** By which cells differ; '' for none. */
export const dimensions = [
  'project',
  'key_name',
  'model',
  'provider',
  'status',
  'error_origin',
  'error_code',
] as const
export type Dimension = (typeof dimensions)[number]

/** The columns that the cells of a grain have. */
export const grains = {
  full: dimensions,
  caller: ['project', 'key_name'],
  route: ['model', 'provider'],
  outcome: ['status', 'error_origin', 'error_code'],
} as const satisfies Record<string, readonly Dimension[]>
export type Grain = keyof typeof grains

/**
 * Of minutes there are many, and few are ever looked at with a filter. The finest cells of a quarter are too many by day
 * for a chart with a filter: weeks are for these alone, and have no `histograms`, which are only looked at by day.
 */
export const grainsOf: Readonly<Record<Period, readonly Grain[]>> = {
  [minute]: ['full', 'outcome'],
  [hour]: ['full', 'caller', 'route', 'outcome'],
  [day]: ['full', 'caller', 'route', 'outcome'],
  [week]: ['full'],
}

/**
 * What is counted. Tokens are those that providers reported; those that were estimated stand apart, as `estimated_*`.
 * `cost_nano` is all that priced requests cost, in nano-dollars, of which `estimated_cost_nano` rests on estimated
 * tokens; requests whose cost is not known are `unpriced`, and nothing of them is in it.
 */
export const measures = [
  'requests',
  'errors',
  'streams',
  'attempts',
  'input_tokens',
  'cached_tokens',
  'cache_write_tokens',
  'output_tokens',
  'reasoning_tokens',
  'estimated_input_tokens',
  'estimated_cached_tokens',
  'estimated_cache_write_tokens',
  'estimated_output_tokens',
  'estimated_reasoning_tokens',
  'cost_nano',
  'estimated_cost_nano',
  'unpriced',
] as const
export type Measure = (typeof measures)[number]

const measureColumns = measures.map((name) => `${name} INTEGER NOT NULL`).join(', ')

/** `period` in milliseconds; `histograms`: see rollup-histograms.ts. */
const rollups = `
  CREATE TABLE rollups (
    grain TEXT NOT NULL,
    period INTEGER NOT NULL,
    at INTEGER NOT NULL,
    ${dimensions.map((name) => `${name} TEXT NOT NULL`).join(', ')},
    ${measureColumns},
    histograms TEXT NOT NULL,
    PRIMARY KEY (grain, period, at, ${dimensions.join(', ')})
  ) WITHOUT ROWID`

/**
 * By what clients say of a request, and day of UTC: `dimension` is `user` or `metadata:<name>`. The value '' stands for
 * all beyond the first so many of a day, project and dimension: a request is in one value of each, so they add up.
 */
const spendDays = spendTable('spend_days', 'day')

/** The same by month, which is the sum of days but for what they have under '': users of a quarter are too many by day. */
const spendMonths = spendTable('spend_months', 'month')

/** `at`: its first moment, in Unix milliseconds. */
function spendTable(name: string, at: string): string {
  return `
  CREATE TABLE ${name} (
    dimension TEXT NOT NULL,
    ${at} INTEGER NOT NULL,
    project TEXT NOT NULL,
    value TEXT NOT NULL,
    ${measureColumns},
    PRIMARY KEY (dimension, ${at}, project, value)
  ) WITHOUT ROWID`
}

/** What is told of spend: see spend-query.ts. */
export const spentMeasures = [
  'requests',
  'unpriced',
  'cost_nano',
  'estimated_cost_nano',
  'input_tokens',
  'output_tokens',
  'estimated_input_tokens',
  'estimated_output_tokens',
] as const satisfies readonly Measure[]

/**
 * `spend_months` over all projects, to the nano-dollar: a value that several projects have is added up as it is written,
 * since a company has as many rows by project as it has users and projects.
 */
const spendTotals = `
  CREATE TABLE spend_totals (
    month INTEGER NOT NULL,
    dimension TEXT NOT NULL,
    value TEXT NOT NULL,
    ${spentMeasures.map((name) => `${name} INTEGER NOT NULL`).join(', ')},
    PRIMARY KEY (month, dimension, value)
  ) WITHOUT ROWID`

/**
 * The dimensions of a day or month and project: names of metadata are the clients' to choose, and bounded. `kept`: how
 * many values there are, '' among them.
 */
const spendDimensions = `
  CREATE TABLE spend_dimensions (
    period TEXT NOT NULL,
    at INTEGER NOT NULL,
    project TEXT NOT NULL,
    dimension TEXT NOT NULL,
    kept INTEGER NOT NULL,
    PRIMARY KEY (period, at, project, dimension)
  ) WITHOUT ROWID`

/**
 * Requests that belong together. The first request of a chain does not know of it: it is counted in when the second
 * comes, as `has_root` says.
 */
const sessions = `
  CREATE TABLE sessions (
    project TEXT NOT NULL,
    id TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    last_key INTEGER NOT NULL,
    last_model TEXT NOT NULL,
    last_status TEXT NOT NULL,
    has_root INTEGER NOT NULL,
    ${measureColumns},
    PRIMARY KEY (id, project)
  ) WITHOUT ROWID`

export const rollupSchema: readonly (string | { sqlite: string | null; postgres: string | null })[] = [
  { sqlite: null, postgres: mergeHistogramsInPostgres },
  rollups,
  spendDays,
  spendMonths,
  spendTotals,
  spendDimensions,
  sessions,
  'CREATE INDEX sessions_by_time ON sessions (last_key)',
  'CREATE INDEX sessions_by_project ON sessions (project, last_key)',
]
