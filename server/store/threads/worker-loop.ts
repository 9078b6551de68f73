/**
 * The worker's end: answers calls one after the other, in the order they came, in each of its lanes. What is urgent
 * overtakes what waits in the others: before each call of these, the worker looks what else has come.
 */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { type MessagePort, parentPort } from 'node:worker_threads'
import { StoreError } from '../engine/driver.ts'
import type { Call, HealthNotice, ReadyNotice, Reply } from './worker-protocol.ts'

type Handlers<C extends { [K in keyof C]: { argument: unknown; value: unknown } }> = {
  [K in keyof C]: (argument: C[K]['argument']) => Promise<C[K]['value']>
}

export interface AnswerOptions<C extends { [K in keyof C]: { argument: unknown; value: unknown } }> {
  /** The buffers of a value that are moved, not copied. */
  transfer?: (value: C[keyof C]['value']) => readonly ArrayBuffer[]
  /** Calls that overtake the others. */
  urgent?: readonly (keyof C & string)[]
  /** Calls that do not wait for the others, and the others not for them. */
  aside?: readonly (keyof C & string)[]
  /** How many of the calls of a lane are answered at a time. Default 1: one after the other. */
  width?: number
}

export function answerCalls<C extends { [K in keyof C]: { argument: unknown; value: unknown } }>(
  handlers: Handlers<C>,
  { transfer = () => [], urgent = [], aside = [], width = 1 }: AnswerOptions<C> = {},
): void {
  const port = requirePort()
  const urgentNames = new Set<string>(urgent)
  const asideNames = new Set<string>(aside)
  const lanes = { urgent: new Lane(width), aside: new Lane(width), usual: new Lane(width) }
  port.on('message', (call: Call) => {
    const lane = urgentNames.has(call.name) ? 'urgent' : asideNames.has(call.name) ? 'aside' : 'usual'
    lanes[lane].add(async () => {
      if (lane !== 'urgent' && urgentNames.size > 0) await nextTurn()
      const reply = await answer(handlers, call)
      port.postMessage(reply, reply.ok ? transfer(reply.value as C[keyof C]['value']) : [])
    })
  })
  tellReady()
}

/** Runs tasks in the order they came, up to `width` at a time. They never reject. */
class Lane {
  readonly #width: number
  readonly #waiting: (() => Promise<void>)[] = []
  #running = 0

  constructor(width: number) {
    this.#width = width
  }

  add(task: () => Promise<void>): void {
    this.#waiting.push(task)
    if (this.#running < this.#width) void this.#run()
  }

  async #run(): Promise<void> {
    this.#running += 1
    for (let task = this.#waiting.shift(); task !== undefined; task = this.#waiting.shift()) await task()
    this.#running -= 1
  }
}

export function tellHealth(problem: string | null, full = false): void {
  const notice: HealthNotice = { notice: 'health', problem, full }
  requirePort().postMessage(notice)
}

async function answer<C extends { [K in keyof C]: { argument: unknown; value: unknown } }>(
  handlers: Handlers<C>,
  { id, name, argument }: Call,
): Promise<Reply> {
  try {
    const handler = handlers[name as keyof C] as ((argument: unknown) => Promise<unknown>) | undefined
    if (handler === undefined) throw new Error(`The store's worker has no call "${name}".`)
    return { id, ok: true, value: await handler(argument) }
  } catch (error) {
    const { name: errorName, message } = error instanceof Error ? error : new Error(String(error))
    const problem = error instanceof StoreError ? error.problem : null
    return { id, ok: false, error: { name: errorName, message, problem } }
  }
}

function tellReady(): void {
  const notice: ReadyNotice = { notice: 'ready' }
  requirePort().postMessage(notice)
}

function requirePort(): MessagePort {
  if (parentPort === null) throw new Error('This file runs as a worker thread of the store.')
  return parentPort
}
