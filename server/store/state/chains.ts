/** Chains of turns, from memory where they are there and from the store where not, as the gateway sees it. */

import type { ReaderThread } from '../threads/reader-thread.ts'
import type { ChainResult, StoredTurn, TurnCommit } from './state.ts'
import { TurnCache } from './turn-cache.ts'

/** How many turns the first read of a chain asks for that is not in memory, and how the next ones grow, up to the most. */
const firstRead = 1
const readGrowth = 8
const largestRead = 512

export interface ChainsOptions {
  reader: Pick<ReaderThread, 'call'>
  /** Bytes of JSON of turns to keep in memory. */
  room: number
  /** Other gateways write to the store as well: that what is in memory has not been removed is asked each time. */
  isShared: boolean
}

export class Chains {
  readonly #reader: ChainsOptions['reader']
  readonly #isShared: boolean
  readonly #turns: TurnCache
  readonly #readings = new Map<string, { epoch: number; chain: Promise<ChainResult> }>()

  constructor({ reader, room, isShared }: ChainsOptions) {
    this.#reader = reader
    this.#isShared = isShared
    this.#turns = new TurnCache(room)
  }

  /** Keeps what is likely to be continued of what has just been committed. */
  addCommitted(turn: TurnCommit): void {
    // Most first turns are never continued, and texts that outlive their request cost the collector more than a read.
    if (turn.keep && turn.previousId !== null) this.#turns.addCommitted(turn)
  }

  /** Takes out what is no more. */
  remove(ids: readonly string[]): void {
    this.#turns.remove(ids)
  }

  /** Those who ask for the same chain at the same time get it from one reading. */
  async read(project: string, id: string): Promise<ChainResult> {
    const key = JSON.stringify([project, id])
    const other = this.#readings.get(key)
    if (other !== undefined && other.epoch === this.#turns.epoch) {
      const result = await other.chain
      // What was missing may have been kept since that reading began, and what was there may have been removed.
      if (
        result.kind === 'found' &&
        other.epoch === this.#turns.epoch &&
        (await this.#stands(project, result))
      )
        return result
    }
    const reading = { epoch: this.#turns.epoch, chain: this.#readAnew(project, id) }
    this.#readings.set(key, reading)
    try {
      return await reading.chain
    } finally {
      if (this.#readings.get(key) === reading) this.#readings.delete(key)
    }
  }

  async #readAnew(project: string, id: string): Promise<ChainResult> {
    const { epoch } = this.#turns
    const chain = await this.#readChain(project, id)
    if (chain.result.kind !== 'found') return chain.result
    const { turns } = chain.result
    if (chain.isFromMemory && !(await this.#stands(project, chain.result))) {
      this.#turns.remove(turns.map((turn) => turn.id))
      return (await this.#readChain(project, id)).result
    }
    // The end of the chain is used last, and so stays longest. What has been removed meanwhile does not come back.
    if (epoch === this.#turns.epoch) for (const turn of turns) this.#turns.add(project, turn)
    return chain.result
  }

  /** `isFromMemory`: some of it, which another gateway may have removed. */
  async #readChain(project: string, id: string): Promise<{ result: ChainResult; isFromMemory: boolean }> {
    const now = Date.now()
    const turns: StoredTurn[] = []
    let isFromMemory = false
    const end = (result: ChainResult) => ({ result, isFromMemory })
    let limit = firstRead
    for (let next: string | null = id; next !== null; ) {
      const kept = this.#turns.get(project, next)
      isFromMemory ||= kept !== null
      const part: StoredTurn[] = kept === null ? await this.#readTurns(project, next, limit) : [kept]
      limit = kept === null ? Math.min(limit * readGrowth, largestRead) : firstRead
      for (const turn of part) {
        if (turns.length === 0) {
          if (turn.expiresAt !== null && turn.expiresAt <= now) return end({ kind: 'missing' })
          if (turn.status === 'queued' || turn.status === 'in_progress') return end({ kind: 'running' })
        }
        turns.push(turn)
        next = turn.previousId
      }
      if (part.length === 0) return end({ kind: 'missing' })
    }
    return end({ kind: 'found', turns: turns.reverse() })
  }

  async #readTurns(project: string, id: string, limit: number): Promise<StoredTurn[]> {
    const json = await this.#reader.call('readTurns', { project, id, limit })
    return json === null ? [] : (JSON.parse(Buffer.from(json).toString('utf8')) as StoredTurn[])
  }

  /** Whether all turns of a chain are in the store at this moment. A turn never changes, so that is all there is to ask. */
  async #stands(project: string, { turns }: Extract<ChainResult, { kind: 'found' }>): Promise<boolean> {
    const last = turns.at(-1)
    if (!this.#isShared || last === undefined) return true
    const length = await this.#reader.call('chainLength', { project, id: last.id, limit: turns.length })
    return length === turns.length
  }
}
