/** A thread that reads the store, started when it is first needed and again after it was lost. */

import { StoreError } from '../engine/driver.ts'
import { WorkerClient } from './worker-client.ts'
import type { ReaderCalls, ReaderSettings } from './worker-protocol.ts'

export class ReaderThread {
  readonly #settings: ReaderSettings
  #opening: Promise<WorkerClient<ReaderCalls>> | null = null
  #client: WorkerClient<ReaderCalls> | null = null
  #closed = false

  constructor(settings: ReaderSettings) {
    this.#settings = settings
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
    const client = new WorkerClient<ReaderCalls>({
      script: new URL('./reader-worker.ts', import.meta.url),
      settings: this.#settings,
      // The next call starts another.
      onLost: () => this.#forget(),
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

  #forget(): void {
    this.#client = null
    this.#opening = null
  }
}
