/** What requests leave to their jobs, while these wait in this process. */
import { captureChunk, createCapture } from '../gateway/capture.ts'
import type { Exchange } from '../gateway/exchange.ts'
import type { KeptRequest } from './kept-request.ts'

/** What the request that was accepted in this process leaves to its job. */
export interface HandedOver {
  exchange: Exchange
  /** The response object, `queued`, as JSON text; null when there was no room for it here. */
  body: string | null
}

/** Bytes of requests and response objects that are held for those that wait. The store has both. */
const mostBytes = 67_108_864

export class WaitingJobs {
  readonly #most: number
  readonly #jobs = new Map<string, HandedOver>()
  /** Of each that has room here. */
  readonly #sizes = new Map<string, number>()
  #bytes = 0

  constructor(most = mostBytes) {
    this.#most = most
  }

  get size(): number {
    return this.#jobs.size
  }

  /** What there is no room for is left to the store. */
  add(id: string, { exchange, body }: HandedOver): void {
    const size = heldBytes(exchange) + (body?.length ?? 0)
    if (this.#bytes + size > this.#most) {
      exchange.clientRequest = { chunks: [], bytes: exchange.clientRequest.bytes, truncated: true }
      this.#jobs.set(id, { exchange, body: null })
      return
    }
    this.#bytes += size
    this.#sizes.set(id, size)
    this.#jobs.set(id, { exchange, body })
  }

  /** It waits here no longer. Null: it did not. */
  take(id: string): HandedOver | null {
    const found = this.#jobs.get(id) ?? null
    this.#jobs.delete(id)
    this.#bytes -= this.#sizes.get(id) ?? 0
    this.#sizes.delete(id)
    return found
  }

  peek(id: string): HandedOver | null {
    return this.#jobs.get(id) ?? null
  }

  ids(): string[] {
    return [...this.#jobs.keys()]
  }
}

function heldBytes({ clientRequest: { chunks } }: Exchange): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0)
}

/** Gives the record of a request that had been left to the store what it asked, as it was kept. */
export function recallRequest(exchange: Exchange, { request }: KeptRequest, limit: number): void {
  const { chunks, bytes } = exchange.clientRequest
  if (limit === 0 || chunks.length > 0) return
  const recalled = createCapture()
  captureChunk(recalled, JSON.stringify(request), limit)
  exchange.clientRequest = bytes === 0 ? recalled : { ...recalled, bytes }
}
