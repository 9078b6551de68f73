/** The thread of queries, on a connection that cannot write. */

import { workerData } from 'node:worker_threads'
import { createDeadline } from '../engine/deadline.ts'
import { type Driver, StoreError, withDeadline } from '../engine/driver.ts'
import { openPostgres } from '../engine/postgres-driver.ts'
import { openSqlite } from '../engine/sqlite-driver.ts'
import { logReads, type ReadContext } from '../log/reads.ts'
import { findExpired } from '../state/expired.ts'
import * as others from '../state/other-reads.ts'
import * as turns from '../state/reads.ts'
import { answerCalls, tellHealth } from './worker-loop.ts'
import type { ReaderCalls, ReaderSettings } from './worker-protocol.ts'

const settings = workerData as ReaderSettings

let driver: Driver | null = null

answerCalls<ReaderCalls>(
  {
    open: async () => {
      driver = openDriver()
      return null
    },
    size: () => readSize(opened()),
    query: ({ name, argument, deadline: milliseconds }) => {
      const read = logReads[name] as (context: ReadContext, argument: unknown) => Promise<unknown>
      // A query that looks at its time gives what it has; the engine ends the statement of one that does not.
      const driver = withDeadline(opened(), createDeadline(milliseconds + lastStatementTime))
      return read({ driver, deadline: createDeadline(milliseconds) }, argument)
    },
    readTurns: (argument) => turns.readTurns(opened(), argument),
    chainLength: (argument) => turns.chainLength(opened(), argument),
    getResponse: (argument) => turns.getResponse(opened(), argument),
    findItems: (argument) => turns.findItems(opened(), argument),
    readEvents: (argument) => turns.readEvents(opened(), argument),
    getConversation: (argument) => others.getConversation(opened(), argument),
    listConversationItems: (argument) => others.listConversationItems(opened(), argument),
    readConversation: (argument) => others.readConversation(opened(), argument),
    getConversationItem: (argument) => others.getConversationItem(opened(), argument),
    ownJobs: (argument) => others.ownJobs(opened(), argument),
    freeJobs: (argument) => others.freeJobs(opened(), argument),
    jobRequest: (argument) => others.jobRequest(opened(), argument),
    listPrompts: () => others.listPrompts(opened()),
    sealKeys: () => others.sealKeys(opened()),
    findExpired: (argument) => findExpired(opened(), argument),
    close: async () => {
      await driver?.close()
      driver = null
      return null
    },
  },
  {
    transfer: buffersOf,
    width: settings.place.kind === 'postgres' ? settings.width : 1,
  },
)

/** State as JSON is one. A report has one, of megabytes, for its text. */
function buffersOf(value: unknown): ArrayBuffer[] {
  if (value instanceof ArrayBuffer) return [value]
  const isFile = typeof value === 'object' && value !== null && 'content' in value
  return isFile && value.content instanceof ArrayBuffer ? [value.content] : []
}

/** Milliseconds past the deadline of a query that its last statement may take. */
const lastStatementTime = 1000

/** Milliseconds past its time after which a statement's connection counts as lost. */
const answerTime = 2000

function openDriver(): Driver {
  const { place, busyTimeout, timeout, width } = settings
  if (place.kind === 'file') {
    return openSqlite({ path: place.path, busyTimeout, readonly: true, onDamage: tellHealth })
  }
  return openPostgres({
    place,
    readonly: true,
    connections: width,
    statementTimeout: timeout,
    lockTimeout: timeout,
    patience: timeout + answerTime,
  })
}

/** Of our schema: tables, their indexes and what is stored apart of them. */
async function readSize(driver: Driver): Promise<number> {
  const [row] = await driver.all(`SELECT sum(pg_total_relation_size(oid)) AS bytes FROM pg_class
    WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND relkind = 'r'`)
  return Number(row?.bytes ?? 0)
}

function opened(): Driver {
  if (driver === null) throw new StoreError('failed', 'The store is closed.')
  return driver
}
