/** The thread of queries, on a connection that cannot write. */

import { workerData } from 'node:worker_threads'
import { createDeadline } from '../engine/deadline.ts'
import { type Driver, StoreError } from '../engine/driver.ts'
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
      driver = openSqlite({ ...settings, readonly: true, onDamage: tellHealth })
      return null
    },
    query: ({ name, argument, deadline }) => {
      const read = logReads[name] as (context: ReadContext, argument: unknown) => Promise<unknown>
      return read({ driver: opened(), deadline: createDeadline(deadline) }, argument)
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
  { transfer: (value) => (value instanceof ArrayBuffer ? [value] : []) },
)

function opened(): Driver {
  if (driver === null) throw new StoreError('failed', 'The store is closed.')
  return driver
}
