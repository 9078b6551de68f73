/** Requests that an instance left open which is not among the living any more. */

import type { Statement } from '../engine/driver.ts'
import { endLeftovers, leftoverStatements } from './rollup-leftovers.ts'

const isLost = 'instance IS NOT NULL AND instance NOT IN (SELECT id FROM instances)'

/** Ends and counts them. To be run when the list of the living is right, in the transaction that changes it. */
export const failLost: readonly Statement[] = [
  ...leftoverStatements(isLost),
  { sql: `${endLeftovers(isLost)} RETURNING key AS lost`, params: [] },
]
