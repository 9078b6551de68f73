/** What the main thread and the store's workers say to each other. */

import type { LogReadName } from '../log/reads.ts'
import type { RecordBatch, RecordFilterSource } from '../log/records.ts'
import type { LogStepName } from '../log/steps.ts'
import type { FoundExpired, SweepPlace } from '../state/expired.ts'
import type { EventChunk, PageQuery, SealKey, StoredConversation, StoredPrompt } from '../state/state.ts'
import type { StateOutcome, StateWrite } from '../state/writes.ts'
import type { EnginePlace, OpenedStore } from './engine.ts'

/** One call; answered by a Reply of the same id. */
export interface Call {
  id: number
  name: string
  argument: unknown
}

export type Reply =
  | { id: number; ok: true; value: unknown }
  | { id: number; ok: false; error: { name: string; message: string; problem: string | null } }

/** Told without being asked: the state of writing has changed. `problem` is null when all is well. */
export interface HealthNotice {
  notice: 'health'
  problem: string | null
  /** Whether the problem is that there is no room. */
  full: boolean
}

/** Told once: the thread is there, and takes calls. */
export interface ReadyNotice {
  notice: 'ready'
}

export interface WriterSettings {
  place: EnginePlace
  /** Milliseconds to wait for a lock that another program holds. */
  busyTimeout: number
  maxPages: number | null
  /** Milliseconds between tries of a batch that could not be written for now. */
  retryDelay: number
  /** Milliseconds after which a write of state that cannot be committed for now is refused. */
  writeTimeout: number
  /** Owns the locks, claims and jobs of this process. */
  instance: string
}

export interface ReaderSettings {
  place: EnginePlace
  busyTimeout: number
  /** Milliseconds that a statement may take, where the engine can end it. */
  timeout: number
  /** Calls that are answered at a time, where the engine can do several things at once. */
  width: number
}

/** The writer's calls: argument → value. */
export interface WriterCalls {
  /** Opens, migrates, ends what a stopped process left open. */
  open: { argument: { recover: boolean }; value: OpenedStore }
  setFilter: { argument: RecordFilterSource; value: null }
  /** Resolves once the records are committed. The buffer of the batch comes back, to be filled again. */
  write: { argument: RecordBatch; value: { lost: number[]; buffer: ArrayBuffer } }
  /** One transaction for all; the outcomes are in the order of the writes. `patience`: milliseconds to go on trying. */
  writeState: { argument: { writes: StateWrite[]; now: number; patience: number }; value: StateOutcome[] }
  /** Argument and value are those of the named step (log/steps.ts). */
  step: { argument: { name: LogStepName; argument: unknown; now: number }; value: unknown }
  close: { argument: null; value: null }
}

/** Something of a project, at a moment in Unix milliseconds. */
export interface ProjectRead {
  project: string
  id: string
  now: number
}

/** Reads of state. A buffer holds JSON; see state-reads.ts. */
export interface StateReads {
  readTurns: { argument: { project: string; id: string; limit: number }; value: ArrayBuffer | null }
  chainLength: { argument: { project: string; id: string; limit: number }; value: number }
  getResponse: { argument: ProjectRead; value: ArrayBuffer | null }
  findItems: {
    argument: { project: string; ids: readonly string[]; now: number }
    value: ArrayBuffer
  }
  readEvents: { argument: ProjectRead & { after: number }; value: EventChunk[] }
  getConversation: { argument: ProjectRead; value: StoredConversation | null }
  listConversationItems: { argument: ProjectRead & PageQuery; value: ArrayBuffer | null }
  readConversation: { argument: ProjectRead; value: ArrayBuffer | null }
  getConversationItem: { argument: ProjectRead & { itemId: string }; value: ArrayBuffer | null }
  ownJobs: { argument: { instance: string }; value: string[] }
  freeJobs: { argument: { instance: string }; value: string[] }
  jobRequest: { argument: { id: string }; value: string | null }
  listPrompts: { argument: null; value: StoredPrompt[] }
  sealKeys: { argument: null; value: SealKey[] }
  findExpired: {
    argument: { now: number; limit: number; place: SweepPlace | null }
    value: FoundExpired
  }
}

/** The reader's calls; `deadline` in milliseconds. */
export interface ReaderCalls extends StateReads {
  open: { argument: null; value: null }
  /** Argument and value are those of the named query (log/reads.ts). */
  query: { argument: { name: LogReadName; argument: unknown; deadline: number }; value: unknown }
  /** Bytes that the store takes on disk. */
  size: { argument: null; value: number }
  close: { argument: null; value: null }
}
