/**
 * What the gateway keeps for its clients: responses, the items of conversations, jobs, idempotency keys, prompts.
 *
 * Everything is looked up within a project: what another project has does not exist. Every write is one transaction
 * that has been committed when its promise resolves; writes that wait for the writer at the same time share one
 * (group commit). Decisions stand in the SQL, so that several gateways on one database decide alike. Locks, claims and
 * jobs belong to an instance and count for as long as it is alive (`beat`).
 *
 * Times are Unix milliseconds. A write rejects with StoreError when it could not be committed in `writeTimeout`.
 */
import type { Item, ResponseStatus } from '../../../translators/shared/canonical.ts'
import type { JobAccept, JobCancellation, TakenJob } from './job-shapes.ts'

export type { JobAccept, JobCancellation, TakenJob } from './job-shapes.ts'

/** A turn of a chain: what a response was asked, and what it answered. */
export interface StoredTurn {
  id: string
  previousId: string | null
  /** The provider that made the output; null when none did. */
  provider: string | null
  status: ResponseStatus
  /** Each with an id. May hold `item_reference`s. */
  input: Item[]
  /** `encrypted_content` is sealed (gateway/seal.ts), whether the client was shown it or not. */
  output: Item[]
  expiresAt: number | null
  /** Size of the JSON of input and output, for caches. */
  bytes: number
}

export type ChainResult =
  /** The oldest first, the asked one last. */
  | { kind: 'found'; turns: StoredTurn[] }
  /** Unknown, deleted, expired, of another project; or one that it builds on has been deleted. */
  | { kind: 'missing' }
  /** Queued or in progress. */
  | { kind: 'running' }

/** A response as `GET /v1/responses/{id}` needs it. */
export interface StoredResponse extends StoredTurn {
  kind: 'response' | 'compaction'
  createdAt: number
  conversation: string | null
  background: boolean
  /** Created with `stream: true`: its events are kept. */
  streamed: boolean
  /** What the client asked to see when it was made, values of `include`. */
  include: string[]
  /** The response object as JSON text with `"output":[]`. */
  body: string
}

/** An item found by its id. */
export interface FoundItem {
  item: Item
  /** The provider that made it; null for what clients sent. */
  provider: string | null
}

/** Server-sent events as they went out, whole: `event: …\ndata: …\n\n` each. */
export interface EventChunk {
  /** `sequence_number` of the first event. */
  first: number
  /** How many events there are. */
  count: number
  text: string
}

/** An answer to give again, byte for byte. */
export interface IdempotentAnswer {
  status: number
  headers: Record<string, string>
  body: string
}

export interface TurnCommit {
  /** False (`store: false`): only what it does to its conversation and its claim is kept, not the response. Never for a job. */
  keep: boolean
  id: string
  project: string
  kind: 'response' | 'compaction'
  createdAt: number
  expiresAt: number | null
  previousId: string | null
  conversation: string | null
  status: ResponseStatus
  background: boolean
  streamed: boolean
  model: string
  provider: string | null
  include: string[]
  /** JSON array of the turn's own input items, each with an id. */
  input: string
  /** JSON array. */
  output: string
  body: string
  /** Ids of the items, in order: by them `item_reference` finds an item. An id that the project has already keeps its first place. */
  inputIds: readonly string[]
  outputIds: readonly string[]
  /** All events of a stream; of a job, whose events are appended as they come, the last ones. */
  events: EventChunk | null
  /** Input and output as they are added to `conversation`, which this turn has locked; the lock is given back. An id that is there already keeps its place. */
  conversationItems: readonly ConversationItem[] | null
  /** Completes the claim of this turn. */
  idempotency: { key: string; answer: IdempotentAnswer } | null
}

export interface ConversationItem {
  id: string
  /** The item's JSON. */
  text: string
  provider: string | null
}

export interface StoredConversation {
  id: string
  createdAt: number
  metadata: Record<string, string>
}

/** One page in the order of `order`. */
export interface ItemPage {
  items: FoundItem[]
  hasMore: boolean
}

export interface PageQuery {
  /** 1..100. */
  limit: number
  order: 'asc' | 'desc'
  /** The id of the item before the page, in the page's order. An unknown one gives null instead of a page. */
  after: string | null
}

/** `locked`: a turn is running on it. `taken`: it has an item with one of the ids. */
export type AddResult = 'added' | 'locked' | 'missing' | 'taken'

/** `locked`: another turn has it. */
export type LockResult = 'locked-by-us' | 'locked' | 'missing'

export interface IdempotencyClaim {
  project: string
  /** 1..255 characters. */
  key: string
  /** Of the operation and the body: another one with the same key is a conflict. */
  fingerprint: string
  expiresAt: number
}

export type ClaimResult =
  | { kind: 'claimed' }
  | { kind: 'running' }
  | { kind: 'conflict' }
  | { kind: 'done'; answer: IdempotentAnswer }

export interface StoredPrompt {
  id: string
  version: string
  createdAt: number
  /** The version that is taken when none is named. */
  isDefault: boolean
  /** JSON, opaque to the store. */
  template: string
}

export interface SealKey {
  id: string
  createdAt: number
  /** 32 bytes as base64. */
  secret: string
}

/** What one step of retention removed. */
export interface SweepResult {
  responses: number
  conversations: number
  idempotencyKeys: number
  /** Whether there may be more, or not everything has been looked at. */
  more: boolean
}

export interface StateStore {
  /** Of this process; owns locks, claims and jobs while it beats. */
  readonly instance: string
  /** Says that the instance is alive for so long. True: there is something of instances that are not. */
  beat(milliseconds: number): Promise<boolean>
  /** Ends the rights of instances that are not alive, and the requests that they have left open in the log. */
  buryDead(): Promise<void>

  /**
   * Keeps a turn, with everything that belongs to it, at once. With `background` it is the end of a job of this
   * instance. `superseded`: that had been cancelled, deleted or taken over, or the turn had lost the lock on its
   * conversation, which was deleted; and nothing was changed.
   */
  commitTurn(turn: TurnCommit): Promise<'committed' | 'superseded'>
  /** The whole chain that ends in `id`. */
  readChain(project: string, id: string): Promise<ChainResult>
  getResponse(project: string, id: string): Promise<StoredResponse | null>
  /** Removes response, items and events. A running job ends with it. False: there is none. */
  deleteResponse(project: string, id: string): Promise<boolean>
  /** The items that the project has under these ids; others are absent. */
  findItems(project: string, ids: readonly string[]): Promise<Map<string, FoundItem>>
  /** Events from `after` + 1 on, in order; at most about 1 MB of them. */
  readEvents(project: string, id: string, after: number): Promise<EventChunk[]>

  createConversation(conversation: {
    id: string
    project: string
    createdAt: number
    expiresAt: number | null
    metadata: Record<string, string>
    items: readonly ConversationItem[]
  }): Promise<void>
  getConversation(project: string, id: string): Promise<StoredConversation | null>
  updateConversation(
    project: string,
    id: string,
    metadata: Record<string, string>,
  ): Promise<StoredConversation | null>
  deleteConversation(project: string, id: string): Promise<boolean>
  /** Adds items at the end, all or none. */
  addConversationItems(project: string, id: string, items: readonly ConversationItem[]): Promise<AddResult>
  /** Null: no such conversation, or no such `after`. */
  listConversationItems(project: string, id: string, query: PageQuery): Promise<ItemPage | null>
  /** All items in order; null: no such conversation. */
  readConversation(project: string, id: string): Promise<FoundItem[] | null>
  getConversationItem(project: string, id: string, itemId: string): Promise<FoundItem | null>
  deleteConversationItem(project: string, id: string, itemId: string): Promise<boolean>
  /** `holder`: the id of the response that runs on it. */
  lockConversation(project: string, id: string, holder: string): Promise<LockResult>
  unlockConversation(project: string, id: string, holder: string): Promise<void>

  acceptJob(job: JobAccept): Promise<void>
  /**
   * Takes up to `limit` jobs that nobody alive has, the oldest first. Those that another instance has accepted within the
   * last second are left to that.
   */
  takeJobs(limit: number): Promise<TakenJob[]>
  /** Sets status and body of a job that this instance has. False: it is not (or no longer) running here. */
  startJob(id: string, body: string): Promise<boolean>
  /** What a later taker must know, such as the provider's id of the response. */
  noteJob(id: string, note: string): Promise<void>
  /** Appends events of a job that this instance has. False: it has been cancelled, deleted or taken over. */
  appendEvents(id: string, chunk: EventChunk): Promise<boolean>
  /** Gives a job back, to be taken again at once. Unless its run had `begun`, that it was taken does not count. */
  releaseJob(id: string, begun: boolean): Promise<void>
  /** Ids of the jobs that this instance has. */
  ownJobs(): Promise<string[]>
  /** Ids of the jobs that this instance has accepted and that nobody has taken yet. */
  freeJobs(): Promise<string[]>
  /** What a job is run by, as `acceptJob` was given it; null: there is none, or it has ended. */
  jobRequest(id: string): Promise<string | null>
  /** Jobs of this instance that are not running any more because they were cancelled, deleted or taken over. */
  lostJobs(running: readonly string[]): Promise<string[]>
  /**
   * Ends a queued or running background response as `cancelled`.
   * False: it has ended already, there is none, or events beyond those before `events` have been appended.
   */
  cancelJob(project: string, id: string, end: JobCancellation): Promise<boolean>

  claimKey(claim: IdempotencyClaim): Promise<ClaimResult>
  /** Keeps the answer of a claim that commits no turn. */
  completeKey(project: string, key: string, expiresAt: number, answer: IdempotentAnswer): Promise<void>
  /** The key can be used again, as if nothing had happened. Only of this instance's running claim. */
  releaseKey(project: string, key: string): Promise<void>

  /** All versions of all prompts, by id and time. */
  listPrompts(): Promise<StoredPrompt[]>
  /** False: this version exists already. */
  addPrompt(prompt: StoredPrompt): Promise<boolean>
  setDefaultPrompt(id: string, version: string): Promise<boolean>
  /** One version, of which `mark` stays in place of its template, or all when null. False: there is none. */
  deletePrompt(id: string, version: string | null, mark?: string | null): Promise<boolean>

  /** Every key, the newest first. */
  sealKeys(): Promise<SealKey[]>
  /** Does nothing when there is a key that was made after `unlessAfter`, in Unix milliseconds. */
  addSealKey(key: SealKey, unlessAfter: number): Promise<void>

  /**
   * Removes some of what has expired by `now`: at most `limit` responses, conversations and keys each. What a response
   * builds on stays as long as that; running ones stay. Give a `now` that is past by the time that a turn may take, or
   * what a running turn builds on may go before the turn is kept.
   */
  sweep(now: number, limit: number): Promise<SweepResult>
}
