/** The pairs of a request's metadata as `request_tags` has them. */

import type { SqlValue } from '../engine/driver.ts'

const mostTags = 64
/** Characters, so that none is too long for an index: a name may have 64, a value 512. */
const longestTag = 600

/** The one way to write a pair, for what is stored and for what is looked for. */
export function formatTag(name: string, value: string): string {
  return `${name}=${value}`.slice(0, longestTag).toWellFormed().replaceAll('\0', '\uFFFD')
}

/** Of the row's column; none when that is no JSON object. */
export function readTags(metadata: SqlValue): string[] {
  if (typeof metadata !== 'string') return []
  try {
    const pairs = Object.entries(JSON.parse(metadata) as Record<string, unknown>)
    return pairs.slice(0, mostTags).map(([name, value]) => formatTag(name, String(value)))
  } catch {
    return []
  }
}
