/**
 * Counts tokens with a tokenizer, in a thread of its own that is started when it is first needed and ends when it has
 * been idle: no request waits for another one's count on the event loop, and the tokenizer's tables (some 70 MB) are in
 * memory only while they are used. Where it cannot count, texts are counted by their length, and the name says so.
 */
import { Worker } from 'node:worker_threads'
import type { CanonicalRequest, Item, Usage } from '../../translators/shared/canonical.ts'
import {
  type Countable,
  collectInput,
  collectOutput,
  estimateInput,
  estimateUsage,
  makeUsage,
} from './estimate-usage.ts'

export interface TokenCounter {
  /** Usage of a request and what came of it. Never rejects. */
  countUsage(request: CanonicalRequest, output: readonly Item[]): Promise<EstimatedUsage>
  /** Tokens of everything that a model is given to read. Never rejects. */
  countInput(request: CanonicalRequest): Promise<{ tokens: number; estimator: string }>
  close(): Promise<void>
}

export interface EstimatedUsage {
  usage: Usage
  /** What counted: `gpt-tokenizer/o200k_base`, with `+media` when pictures or files were counted by rule, or `characters`. */
  estimator: string
}

export interface TokenCounterOptions {
  /** Milliseconds to wait for a count before texts are counted by their length. Default 5000. */
  patience?: number
  /** Milliseconds without work after which the thread ends. Default 60 000. */
  idleTime?: number
  /** Characters of one request past which it is counted by length. Default 4 000 000, about a second's work. */
  maxCharacters?: number
  /** The thread's module, for tests. */
  script?: URL
}

/** Counts texts by groups. */
export interface CountCall {
  id: number
  groups: string[][]
}

export interface CountReply {
  id: number
  counts: number[]
}

export const tokenizerName = 'gpt-tokenizer/o200k_base'
const byLengthName = 'characters'

export function createTokenCounter(options: TokenCounterOptions = {}): TokenCounter {
  const thread = new CountingThread(options)
  return {
    async countUsage(request, output) {
      const { visible, reasoning } = collectOutput(output)
      const parts = [collectInput(request), visible, reasoning]
      const counts = await thread.count(parts.map(({ texts }) => texts))
      if (counts === null) return { usage: estimateUsage(request, output), estimator: byLengthName }
      const [input = 0, seen = 0, thought = 0] = parts.map(({ fixed }, index) => fixed + (counts[index] ?? 0))
      const usage = makeUsage({ input, visible: seen, reasoning: thought })
      return { usage, estimator: nameOf(parts) }
    },
    async countInput(request) {
      const part = collectInput(request)
      const counts = await thread.count([part.texts])
      if (counts === null) return { tokens: estimateInput(request), estimator: byLengthName }
      return { tokens: part.fixed + (counts[0] ?? 0), estimator: nameOf([part]) }
    },
    close: () => thread.close(),
  }
}

function nameOf(parts: readonly Countable[]): string {
  return parts.some(({ hasMedia }) => hasMedia) ? `${tokenizerName}+media` : tokenizerName
}

/** The thread, and who waits for it. */
class CountingThread {
  readonly #patience: number
  readonly #idleTime: number
  readonly #maxCharacters: number
  readonly #script: URL
  readonly #waiting = new Map<number, (counts: number[] | null) => void>()
  #worker: Worker | null = null
  #idle: NodeJS.Timeout | null = null
  #lastId = 0
  #closed = false

  constructor({
    patience = 5000,
    idleTime = 60_000,
    maxCharacters = 4_000_000,
    script = new URL('./token-counter-worker.ts', import.meta.url),
  }: TokenCounterOptions) {
    this.#patience = patience
    this.#idleTime = idleTime
    this.#maxCharacters = maxCharacters
    this.#script = script
  }

  /** Null when the thread cannot count them, or not in time. */
  count(groups: string[][]): Promise<number[] | null> {
    const characters = groups.flat().reduce((sum, { length }) => sum + length, 0)
    if (characters === 0) return Promise.resolve(groups.map(() => 0))
    if (this.#closed || characters > this.#maxCharacters) return Promise.resolve(null)
    const worker = this.#wake()
    if (worker === null) return Promise.resolve(null)
    const id = ++this.#lastId
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settle(id, null), this.#patience)
      this.#waiting.set(id, (counts) => {
        clearTimeout(timer)
        resolve(counts)
      })
      const call: CountCall = { id, groups }
      worker.postMessage(call)
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#end()
  }

  #wake(): Worker | null {
    if (this.#idle !== null) clearTimeout(this.#idle)
    this.#idle = null
    if (this.#worker !== null) return this.#worker
    try {
      const worker = new Worker(this.#script)
      // A thread without work does not keep the process alive; who waits for a count does.
      worker.unref()
      worker.on('message', ({ id, counts }: CountReply) => this.#settle(id, counts))
      worker.on('error', () => this.#lose(worker))
      worker.on('exit', () => this.#lose(worker))
      this.#worker = worker
      return worker
    } catch {
      return null
    }
  }

  #settle(id: number, counts: number[] | null): void {
    this.#waiting.get(id)?.(counts)
    this.#waiting.delete(id)
    if (this.#waiting.size === 0 && this.#idle === null)
      this.#idle = setTimeout(() => this.#end(), this.#idleTime).unref()
  }

  /** Whoever waits counts by length; the next one gets another thread. */
  #lose(worker: Worker): void {
    if (this.#worker !== worker) return
    this.#worker = null
    for (const id of [...this.#waiting.keys()]) this.#settle(id, null)
  }

  async #end(): Promise<void> {
    if (this.#idle !== null) clearTimeout(this.#idle)
    this.#idle = null
    const worker = this.#worker
    if (worker === null) return
    this.#lose(worker)
    if (this.#idle !== null) clearTimeout(this.#idle)
    await worker.terminate()
  }
}
