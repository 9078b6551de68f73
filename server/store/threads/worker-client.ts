/** The main thread's end of a store worker: numbered calls, answered in order or all refused when the worker is gone. */

import { Worker } from 'node:worker_threads'
import { StoreError, type StoreProblem } from '../engine/driver.ts'
import { lastLook } from './answer-time.ts'
import type { Call, HealthNotice, ReadyNotice, Reply } from './worker-protocol.ts'

export interface WorkerClientOptions {
  script: URL
  settings: unknown
  /** The worker stopped without being asked to. */
  onLost: (reason: string) => void
  onNotice?: (notice: HealthNotice) => void
  /**
   * Milliseconds without any answer while one is due, after which the thread is given up as hung: what waits is refused
   * with HungThreadError, and `onHung` and `onLost` are told. Default null: never. The time that the thread takes to be
   * there does not count, up to a minute.
   */
  patience?: number | null
  /** `ended` resolves once the thread that was given up is gone. */
  onHung?: (ended: Promise<unknown>) => void
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

/** A thread gave no answer and was given up. A statement that runs cannot be stopped: it ends when that does. */
export class HungThreadError extends StoreError {
  constructor(milliseconds: number) {
    super('failed', `The store gave no answer within ${milliseconds / 1000} s.`)
  }
}

/** Milliseconds that a thread may take to be there: on a machine with too much to do, that says nothing of the store. */
const startTime = 60_000

type Calls = Record<string, { argument: unknown; value: unknown }>

export class WorkerClient<C extends { [K in keyof C]: { argument: unknown; value: unknown } } = Calls> {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  readonly #onLost: (reason: string) => void
  readonly #onNotice: ((notice: HealthNotice) => void) | undefined
  readonly #patience: number | null
  readonly #onHung: (ended: Promise<unknown>) => void
  #nextId = 1
  #ready = false
  #stopped = false
  #watch: NodeJS.Timeout | null = null

  constructor({ script, settings, onLost, onNotice, patience = null, onHung }: WorkerClientOptions) {
    this.#onLost = onLost
    this.#onNotice = onNotice
    this.#patience = patience
    this.#onHung = onHung ?? (() => undefined)
    // Standard streams stay with the main thread, and a worker without work does not keep the process alive.
    this.#worker = new Worker(script, { workerData: settings, resourceLimits: { maxYoungGenerationSizeMb } })
    this.#worker.unref()
    this.#worker.on('message', (message: Reply | HealthNotice | ReadyNotice) => this.#receive(message))
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
      if (this.#pending.size === 1) this.#expect()
    })
  }

  /** Whether the thread is gone. */
  get stopped(): boolean {
    return this.#stopped
  }

  /** Ends the thread; what was not answered is refused. */
  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#watch !== null) clearTimeout(this.#watch)
    await this.#worker.terminate()
    this.#refuseAll(new StoreError('failed', 'The store is closed.'))
  }

  #receive(message: Reply | HealthNotice | ReadyNotice): void {
    if ('notice' in message) {
      if (message.notice === 'health') this.#onNotice?.(message)
      else this.#begin()
      return
    }
    const pending = this.#pending.get(message.id)
    this.#pending.delete(message.id)
    if (this.#pending.size === 0) this.#worker.unref()
    this.#expect()
    if (message.ok) pending?.resolve(message.value)
    else pending?.reject(toError(message.error))
  }

  #lose(reason: string): void {
    if (this.#stopped) return
    this.#stopped = true
    if (this.#watch !== null) clearTimeout(this.#watch)
    this.#refuseAll(new StoreError('failed', `A thread of the store stopped: ${reason}.`))
    this.#onLost(reason)
  }

  #begin(): void {
    this.#ready = true
    this.#expect()
  }

  /** Gives the thread up unless it answers anything in time. */
  #expect(): void {
    if (this.#watch !== null) clearTimeout(this.#watch)
    this.#watch = null
    if (this.#patience === null || this.#pending.size === 0) return
    const milliseconds = this.#patience + (this.#ready ? 0 : startTime)
    this.#watch = setTimeout(() => {
      this.#watch = setTimeout(() => this.#giveUp(milliseconds), lastLook)
    }, milliseconds)
  }

  #giveUp(milliseconds: number): void {
    if (this.#stopped) return
    this.#stopped = true
    // Not waited for: it takes as long as what hangs there.
    this.#onHung(this.#worker.terminate())
    this.#worker.unref()
    const error = new HungThreadError(milliseconds)
    this.#refuseAll(error)
    this.#onLost(error.message)
  }

  #refuseAll(error: StoreError): void {
    const waiting = [...this.#pending.values()]
    this.#pending.clear()
    for (const { reject } of waiting) reject(error)
  }
}

function toError({ name, message, problem }: Extract<Reply, { ok: false }>['error']): Error {
  return problem === null
    ? new WorkerCallError(name, message)
    : new StoreError(problem as StoreProblem, message)
}
