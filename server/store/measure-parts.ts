/** What the store's bytes are, for the metrics. */

import type { Store } from './store.ts'

/** Milliseconds that a scrape waits for it. */
const measureTime = 1500

/** Bytes on disk, and by part, which add up to them. Never rejects: nothing where it is not known. */
export async function measureParts(
  store: Pick<Store, 'query'>,
): Promise<{ sizeBytes?: number; parts?: Record<string, number> }> {
  try {
    const { parts } = await store.query('measureStore', null, measureTime)
    return { sizeBytes: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0), parts }
  } catch {
    return {}
  }
}
