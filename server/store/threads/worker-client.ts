/** The main thread's end of a store worker: numbered calls, answered in order or all refused when the worker is gone. */

import { Worker } from 'node:worker_threads'
import { StoreError, type StoreProblem } from '../engine/driver.ts'
import type { Call, HealthNotice, Reply } from './worker-protocol.ts'

export interface WorkerClientOptions {
  script: URL
  settings: unknown
  /** The worker stopped without being asked to. */
  onLost: (reason: string) => void
  onNotice?: (notice: HealthNotice) => void
}

/** Of a worker's heap: what it makes lives for one call, and the default keeps three times as much resident for nothing. */
const maxYoungGenerationSizeMb = 8

interface Pending {
  resolve: (value: unknown) => void
  reject: (error: Error) => void
}

/** An error of the worker that is none of the store's own kinds. */
export class WorkerCallError extends Error {
  /** The class of the error over there. */
  readonly remoteName: string

  constructor(remoteName: string, message: string) {
    super(message)
    this.name = 'WorkerCallError'
    this.remoteName = remoteName
  }
}

type Calls = Record<string, { argument: unknown; value: unknown }>

export class WorkerClient<C extends { [K in keyof C]: { argument: unknown; value: unknown } } = Calls> {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  readonly #onLost: (reason: string) => void
  readonly #onNotice: ((notice: HealthNotice) => void) | undefined
  #nextId = 1
  #stopped = false

  constructor({ script, settings, onLost, onNotice }: WorkerClientOptions) {
    this.#onLost = onLost
    this.#onNotice = onNotice
    // Standard streams stay with the main thread, and a worker without work does not keep the process alive.
    this.#worker = new Worker(script, { workerData: settings, resourceLimits: { maxYoungGenerationSizeMb } })
    this.#worker.unref()
    this.#worker.on('message', (message: Reply | HealthNotice) => this.#receive(message))
    this.#worker.on('error', (error: unknown) =>
      this.#lose(error instanceof Error ? error.message : String(error)),
    )
    this.#worker.on('exit', (code) => this.#lose(`it exited with code ${code}`))
  }

  get pending(): number {
    return this.#pending.size
  }

  /** `transfer`: buffers of the argument that are moved, not copied. */
  call<K extends keyof C & string>(
    name: K,
    argument: C[K]['argument'],
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<C[K]['value']> {
    if (this.#stopped)
      return Promise.reject(new StoreError('failed', 'The store is closed, or its thread stopped.'))
    const id = this.#nextId
    this.#nextId += 1
    return new Promise<C[K]['value']>((resolve, reject) => {
      const message: Call = { id, name, argument }
      this.#worker.postMessage(message, transfer)
      if (this.#pending.size === 0) this.#worker.ref()
      this.#pending.set(id, { resolve, reject })
    })
  }

  /** Whether the thread is gone. */
  get stopped(): boolean {
    return this.#stopped
  }

  /** Ends the thread; what was not answered is refused. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#worker.terminate()
    this.#refuseAll('The store is closed.')
  }

  #receive(message: Reply | HealthNotice): void {
    if ('notice' in message) {
      this.#onNotice?.(message)
      return
    }
    const pending = this.#pending.get(message.id)
    this.#pending.delete(message.id)
    if (this.#pending.size === 0) this.#worker.unref()
    if (message.ok) pending?.resolve(message.value)
    else pending?.reject(toError(message.error))
  }

  #lose(reason: string): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#refuseAll(`A thread of the store stopped: ${reason}.`)
    this.#onLost(reason)
  }

  #refuseAll(message: string): void {
    const waiting = [...this.#pending.values()]
    this.#pending.clear()
    for (const { reject } of waiting) reject(new StoreError('failed', message))
  }
}

function toError({ name, message, problem }: Extract<Reply, { ok: false }>['error']): Error {
  return problem === null
    ? new WorkerCallError(name, message)
    : new StoreError(problem as StoreProblem, message)
}
