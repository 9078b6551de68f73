/** A thread that reads the store, started when it is first needed and again after it was lost. */

import { StoreError } from '../engine/driver.ts'
import { WorkerClient } from './worker-client.ts'
import type { ReaderCalls, ReaderSettings } from './worker-protocol.ts'

export interface ReaderThreadOptions {
  settings: ReaderSettings
  /** Milliseconds without any answer after which the thread is replaced; longer than any deadline of a query. */
  patience: number
  /** Told of damage to the store, each time it is met. */
  onDamage: (problem: string) => void
}

/** Threads that were given up and have not ended, beyond which no other is started: each keeps a core busy. */
const mostHung = 3

export class ReaderThread {
  readonly #options: ReaderThreadOptions
  #hung = 0
  #opening: Promise<WorkerClient<ReaderCalls>> | null = null
  #client: WorkerClient<ReaderCalls> | null = null
  #closed = false
  #replaced = 0

  constructor(options: ReaderThreadOptions) {
    this.#options = options
  }

  /** Threads that hung and were replaced, since the start. */
  get replaced(): number {
    return this.#replaced
  }

  /** Calls that have not been answered. */
  get pending(): number {
    return this.#client?.pending ?? 0
  }

  /** Throws StoreError. */
  async open(): Promise<void> {
    await this.#opened()
  }

  async call<K extends keyof ReaderCalls & string>(
    name: K,
    argument: ReaderCalls[K]['argument'],
  ): Promise<ReaderCalls[K]['value']> {
    const client = this.#client ?? (await this.#opened())
    return client.call(name, argument)
  }

  /** Ends it after what it has been asked. */
  async close(): Promise<void> {
    // It may be gone already, which is no reason to fail the way out.
    await this.#client?.call('close', null).catch(() => undefined)
    await this.stop()
  }

  async stop(): Promise<void> {
    this.#closed = true
    await this.#client?.stop()
  }

  #opened(): Promise<WorkerClient<ReaderCalls>> {
    if (this.#closed) return Promise.reject(new StoreError('failed', 'The store is closed.'))
    this.#opening ??= this.#start()
    return this.#opening
  }

  async #start(): Promise<WorkerClient<ReaderCalls>> {
    if (this.#hung >= mostHung) {
      this.#forget()
      throw new StoreError(
        'failed',
        'Queries of the store hang, and no more are begun until one of them has ended.',
      )
    }
    const { settings, patience, onDamage } = this.#options
    const client = new WorkerClient<ReaderCalls>({
      script: new URL('./reader-worker.ts', import.meta.url),
      settings,
      patience,
      onNotice: ({ problem }) => problem !== null && onDamage(problem),
      // The next call starts another.
      onLost: () => this.#forget(),
      onHung: (ended) => this.#countHung(ended),
    })
    try {
      await client.call('open', null)
      this.#client = client
      if (this.#closed) await client.stop()
      return client
    } catch (error) {
      this.#forget()
      await client.stop()
      throw error
    }
  }

  #countHung(ended: Promise<unknown>): void {
    this.#replaced += 1
    this.#hung += 1
    void ended.then(() => {
      this.#hung -= 1
    })
  }

  #forget(): void {
    this.#client = null
    this.#opening = null
  }
}
