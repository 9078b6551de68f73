/** Removes the oldest rows of requests, with all that stands under their keys. Their sums stay. */

import { keyAt } from '../engine/keys.ts'
import { countAtOnce } from './retention-tables.ts'
import type { StepContext } from './steps.ts'

export interface PruneRowsInput {
  /** Unix milliseconds: requests that were admitted earlier go. */
  before: number
  /** Requests at most. */
  limit: number
}

/** One bounded step, the oldest first. Two gateways at once find the same rows, which go once. */
export async function pruneRows(
  { driver }: Pick<StepContext, 'driver'>,
  { before, limit }: PruneRowsInput,
): Promise<{ rows: number; more: boolean }> {
  const [page] = await driver.all(
    `SELECT max(key) AS last, count(*) AS size FROM
      (SELECT key FROM requests WHERE key < ? ORDER BY key LIMIT ?) AS oldest`,
    [keyAt(before), limit],
  )
  if (typeof page?.last !== 'number') return { rows: 0, more: false }
  const tables = ['requests', 'request_tags', 'request_ids']
  await driver.batch([
    ...tables.map((table) => ({ sql: `DELETE FROM ${table} WHERE key <= ?`, params: [Number(page.last)] })),
    ...countAtOnce(driver),
  ])
  return { rows: Number(page.size), more: page.size === limit }
}
