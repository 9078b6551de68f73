/** What the store tells of itself for the metrics. */
import { GatewayError } from '../errors.ts'
import type { ReadContext } from './log/reads.ts'
import type { QueryEnd, Store } from './store.ts'

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

/** Runs a query, and tells how it went once it is over. Throws what the query throws. */
export async function timeQuery<Value>(
  name: QueryEnd['name'],
  tell: (query: QueryEnd) => void,
  run: () => Promise<Value>,
): Promise<Value> {
  const startedAt = performance.now()
  let outcome: QueryEnd['outcome'] = 'failed'
  try {
    const value = await run()
    outcome = 'answered'
    return value
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'query_timeout') outcome = 'timeout'
    if (error instanceof GatewayError && error.code === 'query_overload') outcome = 'refused'
    throw error
  } finally {
    tell({ name, milliseconds: performance.now() - startedAt, outcome })
  }
}
