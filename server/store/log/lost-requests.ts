/** Requests that an instance left open which is not among the living any more. */

import type { Statement } from '../engine/driver.ts'
import { endLeftovers, leftoverStatements } from './rollup-leftovers.ts'

const isLost = 'instance IS NOT NULL AND instance NOT IN (SELECT id FROM instances)'

/** Ends and counts them. To be run when the list of the living is right, in the transaction that changes it. */
export const failLost: readonly Statement[] = [
  // Holds the rows, so that one which ends in this moment is either over or lost for all that follows.
  { sql: `UPDATE requests SET instance = instance WHERE ${isLost}`, params: [] },
  ...leftoverStatements(isLost),
  { sql: `${endLeftovers(isLost)} RETURNING key AS lost`, params: [] },
]
