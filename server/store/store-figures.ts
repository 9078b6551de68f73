/** What the store tells of itself for the metrics. */
import { GatewayError } from '../errors.ts'
import type { ReadContext } from './log/reads.ts'
import type { Store } from './store.ts'

/** Milliseconds that a database which answers at all may take for a query of nothing, those before it included. */
const answerTime = 1500

/** A query of nothing, which shows that the database answers. */
export async function ping({ driver }: ReadContext, _argument: null): Promise<boolean> {
  return (await driver.all('SELECT 1 AS answer')).length === 1
}

/** Never rejects. `sizeBytes` is null where it is not known. */
export async function readStoreFigures(store: Store) {
  const [sizeBytes, reachable] = await Promise.all([store.sizeBytes().catch(() => null), answers(store)])
  return {
    sizeBytes,
    reachable,
    healthy: store.healthy(),
    writesWaiting: store.writesWaiting(),
    threadsReplaced: store.hungReaders(),
  }
}

async function answers(store: Store): Promise<boolean> {
  try {
    return await store.query('ping', null, answerTime)
  } catch (error) {
    // Many who ask are no sign of a database that is gone.
    return error instanceof GatewayError && error.code === 'query_overload'
  }
}
