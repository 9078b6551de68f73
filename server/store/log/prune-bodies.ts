/** Removes what bodies left behind when they are too old: they have a shorter life than the rows of their requests. */

import type { Driver, Statement } from '../engine/driver.ts'
import { keyAt } from '../engine/keys.ts'
import { mediaTouchInterval } from './media-store.ts'
import { countAtOnce } from './retention-tables.ts'
import { planRemoval } from './search-parts.ts'
import type { StepContext } from './steps.ts'

export interface PruneBodiesInput {
  /** Unix milliseconds: bodies that were written earlier go, and media that no later body holds. */
  before: number
  /** Requests whose words and ids go in one step; of blocks, which hold the bodies of many, a tenth. Some 5 ms with 200. */
  limit: number
}

export interface PrunedBodies {
  /** Blocks of bodies. */
  blocks: number
  /** Requests that full-text search does not find any more. */
  searches: number
  ids: number
  media: number
  /** Whether another step has more to remove. */
  more: boolean
}

/** Media are up to some megabytes each. */
const mediaPerStep = 4

/** One bounded step. Requests whose bodies are gone keep their row, which says no text. */
export async function pruneBodies(
  { driver }: Pick<StepContext, 'driver'>,
  { before, limit }: PruneBodiesInput,
): Promise<PrunedBodies> {
  const key = keyAt(before)
  const blockLimit = Math.max(1, Math.ceil(limit / 10))
  const searches = await planRemoval(driver, key, limit)
  const media = await oldMedia(driver, before)
  const [blocks = [], ids = []] = await driver.batch([
    {
      sql: `DELETE FROM blocks WHERE id IN (SELECT id FROM blocks WHERE written_at < ? ORDER BY written_at LIMIT ?)
        RETURNING id`,
      params: [before, blockLimit],
    },
    {
      sql: `DELETE FROM request_ids WHERE (id, key) IN
        (SELECT id, key FROM request_ids WHERE key < ? ORDER BY key LIMIT ?) RETURNING key`,
      params: [key, limit],
    },
    ...searches.statements,
    ...media.flatMap(({ removal }) => removal),
    ...countAtOnce(driver),
  ])
  return {
    blocks: blocks.length,
    searches: searches.requests,
    ids: ids.length,
    media: media.length,
    more:
      blocks.length === blockLimit || searches.more || ids.length === limit || media.length === mediaPerStep,
  }
}

/** The last use is noted only so often: see media-store.ts. Another gateway may note one at this very moment. */
async function oldMedia(driver: Driver, before: number): Promise<{ removal: Statement[] }[]> {
  const unusedSince = before - mediaTouchInterval
  const rows = await driver.all(
    'SELECT hash FROM media WHERE last_used_at < ? ORDER BY last_used_at LIMIT ?',
    [unusedSince, mediaPerStep],
  )
  return rows.map(({ hash = null }) => ({
    removal: [
      { sql: 'DELETE FROM media WHERE hash = ? AND last_used_at < ?', params: [hash, unusedSince] },
      {
        sql: `DELETE FROM media_contents WHERE hash = ?
          AND NOT EXISTS (SELECT 1 FROM media WHERE media.hash = media_contents.hash)`,
        params: [hash],
      },
    ],
  }))
}
