/** The worker's end: answers calls one after the other, in the order they came. */

import { type MessagePort, parentPort } from 'node:worker_threads'
import { StoreError } from './driver.ts'
import type { Call, HealthNotice, Reply } from './worker-protocol.ts'

type Handlers<C extends { [K in keyof C]: { argument: unknown; value: unknown } }> = {
  [K in keyof C]: (argument: C[K]['argument']) => Promise<C[K]['value']>
}

/** `transfer` gives the buffers of a value that are moved, not copied. */
export function answerCalls<C extends { [K in keyof C]: { argument: unknown; value: unknown } }>(
  handlers: Handlers<C>,
  transfer: (value: C[keyof C]['value']) => readonly ArrayBuffer[] = () => [],
): void {
  const port = requirePort()
  let last: Promise<void> = Promise.resolve()
  port.on('message', (call: Call) => {
    last = last.then(async () => {
      const reply = await answer(handlers, call)
      port.postMessage(reply, reply.ok ? transfer(reply.value) : [])
    })
  })
}

export function tellHealth(problem: string | null): void {
  const notice: HealthNotice = { notice: 'health', problem }
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

function requirePort(): MessagePort {
  if (parentPort === null) throw new Error('This file runs as a worker thread of the store.')
  return parentPort
}
