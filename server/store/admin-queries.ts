/** The admin API's questions to the log: what is asked is checked here, before it goes to the reader's thread. */

import type {
  AdminExportQuery,
  AdminFacets,
  AdminFacetsQuery,
  AdminOverview,
  AdminOverviewQuery,
  AdminRequest,
  AdminRequestList,
  AdminRequestRow,
  AdminRequestsQuery,
  AdminSession,
  AdminSessionList,
  AdminSessionsQuery,
  AdminTailQuery,
} from '../http/admin/contract.ts'
import type { AdminSpendQuery } from '../http/admin/contract-spend.ts'
import type { ExportPage } from './log/export-page.ts'
import { matchesFilter } from './log/list-match.ts'
import type { StoredMedia } from './log/media-query.ts'
import { checkFilter, checkListQuery } from './log/query-input.ts'
import { checkFacetsQuery, checkOverviewQuery, checkSessionsQuery } from './log/rollup-input.ts'
import { checkSpendQuery } from './log/spend-input.ts'
import type { SpendFile } from './log/spend-report.ts'
import type { KeyedRow, TailKeys } from './log/tail-query.ts'
import type { Store } from './store.ts'

export interface AdminQueries {
  /** Throws GatewayError `invalid_request` naming the parameter. */
  listRequests(query: AdminRequestsQuery): Promise<AdminRequestList>
  /** The next rows of a file. `before`: the cursor of the page before, null for the first. Throws like `listRequests`. */
  exportPage(query: AdminExportQuery, before: string | null): Promise<ExportPage>
  /** By any id that names it (log/request-queries.ts). */
  getRequest(id: string): Promise<AdminRequest | null>
  /** Whether a row passes the filters. Throws GatewayError `invalid_request` naming the parameter. */
  createMatcher(query: AdminTailQuery): (row: AdminRequestRow) => boolean
  /** For the live tail, as in log/tail-query.ts. Times in Unix milliseconds. */
  tailKeys(since: number, open: readonly number[]): Promise<TailKeys>
  runningKeys(limit: number): Promise<number[]>
  rowsByKeys(keys: readonly number[]): Promise<KeyedRow[]>
  rowsSince(since: number): Promise<{ rows: AdminRequestRow[]; more: boolean }>
  /** Throws GatewayError `invalid_request` naming the parameter, or 503 `query_timeout`. */
  overview(query: AdminOverviewQuery): Promise<AdminOverview>
  /** Throws like `overview`. */
  facets(query?: AdminFacetsQuery): Promise<AdminFacets>
  /** Throws GatewayError `invalid_request` naming the parameter. */
  listSessions(query: AdminSessionsQuery): Promise<AdminSessionList>
  /** Without a project: that of the newest request, when several have the id. */
  getSession(id: string, project?: string): Promise<AdminSession | null>
  /** Null when it has too many rows. Throws like `overview`. */
  spend(query: AdminSpendQuery): Promise<SpendFile | null>
  /** What a reference in a body stands for, by its SHA-256. */
  getMedia(hash: string): Promise<StoredMedia | null>
}

export interface AdminQueriesOptions {
  /** Milliseconds after which a list gives the rows found so far and a cursor to go on from. Default 90. */
  patience?: number
}

/** Rows of one page of a file. */
const exportRows = 500

export function createAdminQueries(
  store: Pick<Store, 'query'>,
  { patience = 90 }: AdminQueriesOptions = {},
): AdminQueries {
  return {
    listRequests: async (query) => store.query('listRequests', checkListQuery(query, patience)),
    exportPage: async ({ format, ...query }, before) => {
      const page = { ...query, limit: exportRows, ...(before !== null && { before }) }
      return store.query('exportPage', { list: checkListQuery(page, patience), format })
    },
    getRequest: (id) => store.query('getRequest', id),
    createMatcher: (query) => {
      const filter = checkFilter(query)
      return (row) => matchesFilter(filter, row)
    },
    tailKeys: (since, open) => store.query('tailKeys', { since, open }),
    runningKeys: (limit) => store.query('runningKeys', { limit }),
    rowsByKeys: async (keys) => (keys.length === 0 ? [] : store.query('rowsByKeys', { keys })),
    rowsSince: (since) => store.query('rowsSince', { since }),
    overview: async (query) => store.query('overview', checkOverviewQuery(query, Date.now())),
    spend: async (query) => store.query('reportSpend', checkSpendQuery(query, Date.now())),
    facets: async (query = {}) => store.query('facets', checkFacetsQuery(query, Date.now())),
    listSessions: async (query) => store.query('listSessions', checkSessionsQuery(query)),
    getSession: (id, project) => store.query('getSession', { id, project: project ?? null }),
    getMedia: (hash) => store.query('getMedia', hash),
  }
}
