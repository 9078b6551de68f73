/**
 * Every query of the request log by its name. They run on the reader's thread, on a connection that cannot write; one
 * line here is all that another query needs.
 */

import type { Deadline } from '../engine/deadline.ts'
import type { Driver } from '../engine/driver.ts'
import { ping } from '../store-figures.ts'
import { exportPage } from './export-page.ts'
import { listRequests } from './list-requests.ts'
import { getMedia } from './media-query.ts'
import { overview } from './overview-query.ts'
import { readCosts } from './reprice.ts'
import { getRequest } from './request-queries.ts'
import { measureStore } from './retention-measure.ts'
import { facets } from './rollup-facets.ts'
import { getSession, listSessions } from './session-queries.ts'
import { reportSpend } from './spend-report.ts'
import { rowsByKeys, rowsSince, runningKeys, tailKeys } from './tail-query.ts'

export interface ReadContext {
  driver: Driver
  /** Throws once the query has taken too long; look at it between statements. */
  deadline: Deadline
}

export const logReads = {
  listRequests,
  exportPage,
  getRequest,
  tailKeys,
  runningKeys,
  rowsByKeys,
  rowsSince,
  overview,
  facets,
  getMedia,
  readCosts,
  reportSpend,
  listSessions,
  getSession,
  measureStore,
  ping,
} satisfies Record<string, (context: ReadContext, argument: never) => Promise<unknown>>

type LogReads = typeof logReads
export type LogReadName = keyof LogReads
export type LogReadArgument<K extends LogReadName> = Parameters<LogReads[K]>[1]
export type LogReadValue<K extends LogReadName> = Awaited<ReturnType<LogReads[K]>>
