/** Requests that an instance left open which is not among the living any more. */

import type { Statement } from '../engine/driver.ts'
import { leftoverStatements } from './rollup-leftovers.ts'

const isLost = 'instance IS NOT NULL AND instance NOT IN (SELECT id FROM instances)'

/** Ends and counts them. To be run when the list of the living is right, in the transaction that changes it. */
export const failLost: readonly Statement[] = [
  ...leftoverStatements(isLost),
  {
    sql: `UPDATE requests SET status = 'failed', error_type = 'server_error', error_code = 'gateway_restarted',
      error_message = 'The gateway stopped before this request ended.', error_origin = 'gateway', instance = NULL
      WHERE ${isLost} RETURNING key AS lost`,
    params: [],
  },
]
