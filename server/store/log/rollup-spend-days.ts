/** Sums by day and month and what clients say of their requests: the user, and the tags of `metadata`. */

import type { Dialect, Statement } from '../engine/driver.ts'
import { type CountedRow, measuresOf, readJson, toName } from './rollup-row.ts'
import { measures, periods } from './rollup-schema.ts'
import {
  type SpendCell,
  type SpendKey,
  type SpendLimits,
  type SpendPeriod,
  writeSpend,
} from './rollup-spend-writes.ts'

/** Calendar of UTC, in Unix milliseconds: the first moment of the period of a time, and that of the next one. */
export const spendPeriods = {
  day: {
    floor: (time: number) => Math.floor(time / periods.day) * periods.day,
    next: (at: number) => at + periods.day,
  },
  month: { floor: (time: number) => monthOf(time, 0), next: (at: number) => monthOf(at, 1) },
} as const satisfies Record<SpendPeriod, unknown>

function monthOf(time: number, further: number): number {
  const date = new Date(time)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + further)
}

export const userDimension = 'user'
export const metadataDimension = (name: string) => `metadata:${toName(name, 64)}`

export class SpendCells {
  readonly #cells = new Map<string, SpendCell>()

  /** Counts a request that has ended; `sign` -1 takes one back. */
  add(row: CountedRow, sign: 1 | -1 = 1): void {
    const tags = tagsOf(row)
    if (tags.size === 0) return
    const time = Number(row.created_at)
    const project = toName(row.project)
    const values = measuresOf(row)
    for (const [dimension, value] of tags) {
      for (const period of ['day', 'month'] as const) {
        const { sums } = this.#cell([period, spendPeriods[period].floor(time), project, dimension, value])
        for (const [index, name] of measures.entries())
          sums[index] = (sums[index] as number) + sign * values[name]
      }
    }
  }

  statements(options: { dialect: Dialect; limits?: SpendLimits }): Statement[] {
    const cells = [...this.#cells]
      .filter(([, { sums }]) => sums.some((sum) => sum !== 0))
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([, cell]) => cell)
    return writeSpend(cells, options)
  }

  #cell(key: SpendKey): SpendCell {
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
function tagsOf({ user_id: user, metadata }: CountedRow): Map<string, string> {
  const tags = new Map<string, string>()
  if (toName(user) !== '') tags.set(userDimension, toName(user))
  for (const [name, value] of Object.entries(readJson(metadata) ?? {})) {
    const short = toName(typeof value === 'string' ? value : JSON.stringify(value))
    if (short !== '' && !tags.has(metadataDimension(name))) tags.set(metadataDimension(name), short)
  }
  return tags
}
