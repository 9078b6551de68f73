import type { RecordedRequest } from './types.ts'

const maxRequests = 1000
const maxBytes = 64 * 1024 * 1024

/** The last requests, bounded in number and in bytes of their bodies; the newest is always kept. */
export class RequestRing {
  readonly requests: RecordedRequest[] = []
  readonly #sizes: number[] = []
  #bytes = 0

  add(record: RecordedRequest, bytes: number): void {
    this.requests.push(record)
    this.#sizes.push(bytes)
    this.#bytes += bytes
    while (this.requests.length > maxRequests || (this.#bytes > maxBytes && this.requests.length > 1)) {
      this.requests.shift()
      this.#bytes -= this.#sizes.shift() ?? 0
    }
  }
}
