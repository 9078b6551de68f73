/** State over the store's threads, as the gateway sees it. */

import { randomUUID } from 'node:crypto'
import type { ReaderThread } from '../threads/reader-thread.ts'
import { Chains } from './chains.ts'
import type { NewConversation } from './conversation-writes.ts'
import type { SweepPlace } from './expired.ts'
import { WriteGroups, type WriteGroupsOptions } from './groups.ts'
import type {
  ChainResult,
  ClaimResult,
  ConversationItem,
  EventChunk,
  FoundItem,
  IdempotencyClaim,
  IdempotentAnswer,
  ItemPage,
  JobAccept,
  JobCancellation,
  PageQuery,
  SealKey,
  StateStore,
  StoredPrompt,
  StoredResponse,
  SweepResult,
  TurnCommit,
} from './state.ts'

export interface ThreadedStateOptions {
  reader: ReaderThread
  send: WriteGroupsOptions['send']
  writeTimeout: number
  turnCacheBytes: number
  /** Other gateways write to the store as well. Default false. */
  isShared?: boolean
}

export class ThreadedState implements StateStore {
  readonly instance = `inst_${randomUUID()}`
  readonly #reader: ReaderThread
  readonly #groups: WriteGroups
  readonly #chains: Chains
  /** How far the walk over what has expired has come that is under way. */
  #swept: SweepPlace | null = null

  constructor({ reader, send, writeTimeout, turnCacheBytes, isShared = false }: ThreadedStateOptions) {
    this.#reader = reader
    this.#groups = new WriteGroups({ send, writeTimeout })
    this.#chains = new Chains({ reader, room: turnCacheBytes, isShared })
  }

  /** Ends the reading after everything that waits to be written. */
  async close(): Promise<void> {
    await this.#groups.settled()
    await this.#reader.close()
  }

  stop(): Promise<void> {
    return this.#reader.stop()
  }

  /** Threads of reading that hung and were replaced. */
  get readerReplaced(): number {
    return this.#reader.replaced
  }

  beat(milliseconds: number): Promise<boolean> {
    return this.#groups.write('beat', { milliseconds })
  }

  async buryDead(): Promise<void> {
    await this.#groups.write('buryDead', {})
  }

  async commitTurn(turn: TurnCommit): Promise<'committed' | 'superseded'> {
    const result = await this.#groups.write('commitTurn', turn)
    if (result === 'committed') this.#chains.addCommitted(turn)
    return result
  }

  readChain(project: string, id: string): Promise<ChainResult> {
    return this.#chains.read(project, id)
  }

  async getResponse(project: string, id: string): Promise<StoredResponse | null> {
    return parse<StoredResponse>(await this.#reader.call('getResponse', { project, id, now: Date.now() }))
  }

  async deleteResponse(project: string, id: string): Promise<boolean> {
    const deleted = await this.#groups.write('deleteResponse', { project, id })
    // Also when it had expired: it is gone now.
    this.#chains.remove([id])
    return deleted
  }

  async findItems(project: string, ids: readonly string[]): Promise<Map<string, FoundItem>> {
    if (ids.length === 0) return new Map()
    const found = parse<[string, FoundItem['item'], string | null][]>(
      await this.#reader.call('findItems', { project, ids, now: Date.now() }),
    )
    return new Map((found ?? []).map(([id, item, provider]) => [id, { item, provider }]))
  }

  readEvents(project: string, id: string, after: number): Promise<EventChunk[]> {
    return this.#reader.call('readEvents', { project, id, after, now: Date.now() })
  }

  async createConversation(conversation: NewConversation): Promise<void> {
    await this.#groups.write('createConversation', conversation)
  }

  getConversation(project: string, id: string) {
    return this.#reader.call('getConversation', { project, id, now: Date.now() })
  }

  updateConversation(project: string, id: string, metadata: Record<string, string>) {
    return this.#groups.write('updateConversation', { project, id, metadata })
  }

  deleteConversation(project: string, id: string): Promise<boolean> {
    return this.#groups.write('deleteConversation', { project, id })
  }

  addConversationItems(project: string, id: string, items: readonly ConversationItem[]) {
    return this.#groups.write('addConversationItems', { project, id, items })
  }

  async listConversationItems(project: string, id: string, query: PageQuery): Promise<ItemPage | null> {
    const { limit, order, after } = query
    const items = parse<FoundItem[]>(
      await this.#reader.call('listConversationItems', { project, id, limit, order, after, now: Date.now() }),
    )
    return items === null ? null : { items: items.slice(0, limit), hasMore: items.length > limit }
  }

  async readConversation(project: string, id: string): Promise<FoundItem[] | null> {
    return parse<FoundItem[]>(await this.#reader.call('readConversation', { project, id, now: Date.now() }))
  }

  async getConversationItem(project: string, id: string, itemId: string): Promise<FoundItem | null> {
    const now = Date.now()
    const found = parse<FoundItem[]>(
      await this.#reader.call('getConversationItem', { project, id, itemId, now }),
    )
    return found?.[0] ?? null
  }

  deleteConversationItem(project: string, id: string, itemId: string): Promise<boolean> {
    return this.#groups.write('deleteConversationItem', { project, id, itemId })
  }

  lockConversation(project: string, id: string, holder: string) {
    return this.#groups.write('lockConversation', { project, id, holder })
  }

  async unlockConversation(project: string, id: string, holder: string): Promise<void> {
    await this.#groups.write('unlockConversation', { project, id, holder })
  }

  async acceptJob(job: JobAccept): Promise<void> {
    await this.#groups.write('acceptJob', job)
  }

  takeJobs(limit: number) {
    return this.#groups.write('takeJobs', { limit })
  }

  startJob(id: string, body: string): Promise<boolean> {
    return this.#groups.write('startJob', { id, body })
  }

  async noteJob(id: string, note: string): Promise<void> {
    await this.#groups.write('noteJob', { id, note })
  }

  appendEvents(id: string, chunk: EventChunk): Promise<boolean> {
    return this.#groups.write('appendEvents', { id, chunk })
  }

  async releaseJob(id: string, begun: boolean): Promise<void> {
    await this.#groups.write('releaseJob', { id, begun })
  }

  ownJobs(): Promise<string[]> {
    return this.#reader.call('ownJobs', { instance: this.instance })
  }

  freeJobs(): Promise<string[]> {
    return this.#reader.call('freeJobs', { instance: this.instance })
  }

  jobRequest(id: string): Promise<string | null> {
    return this.#reader.call('jobRequest', { id })
  }

  async lostJobs(running: readonly string[]): Promise<string[]> {
    if (running.length === 0) return []
    const own = new Set(await this.ownJobs())
    return running.filter((id) => !own.has(id))
  }

  cancelJob(project: string, id: string, end: JobCancellation): Promise<boolean> {
    return this.#groups.write('cancelJob', { project, id, ...end })
  }

  async claimKey(claim: IdempotencyClaim): Promise<ClaimResult> {
    for (;;) {
      const result = await this.#groups.write('claimKey', claim)
      if (result !== null) return result
    }
  }

  async completeKey(project: string, key: string, expiresAt: number, answer: IdempotentAnswer) {
    await this.#groups.write('completeKey', { project, key, expiresAt, answer })
  }

  async releaseKey(project: string, key: string): Promise<void> {
    await this.#groups.write('releaseKey', { project, key })
  }

  listPrompts(): Promise<StoredPrompt[]> {
    return this.#reader.call('listPrompts', null)
  }

  addPrompt(prompt: StoredPrompt): Promise<boolean> {
    return this.#groups.write('addPrompt', prompt)
  }

  setDefaultPrompt(id: string, version: string): Promise<boolean> {
    return this.#groups.write('setDefaultPrompt', { id, version })
  }

  deletePrompt(id: string, version: string | null, mark: string | null = null): Promise<boolean> {
    return this.#groups.write('deletePrompt', { id, version, mark })
  }

  sealKeys(): Promise<SealKey[]> {
    return this.#reader.call('sealKeys', null)
  }

  async addSealKey(key: SealKey, unlessAfter: number): Promise<void> {
    await this.#groups.write('addSealKey', { ...key, unlessAfter })
  }

  async sweep(now: number, limit: number): Promise<SweepResult> {
    const found = await this.#reader.call('findExpired', { now, limit, place: this.#swept })
    const swept = await this.#groups.write('sweep', { ...found, keys: limit, before: now })
    this.#swept = found.place
    if (swept.responses.length > 0) this.#chains.remove(swept.responses)
    return {
      responses: swept.responses.length,
      conversations: swept.conversations,
      idempotencyKeys: swept.idempotencyKeys,
      more:
        found.place !== null ||
        (found.responses.length === limit && swept.responses.length > 0) ||
        (found.conversations.length === limit && swept.conversations > 0) ||
        swept.idempotencyKeys === limit,
    }
  }
}

function parse<T>(json: ArrayBuffer | null): T | null {
  return json === null ? null : (JSON.parse(Buffer.from(json).toString('utf8')) as T)
}
