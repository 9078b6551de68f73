import type { CapturedBody } from './exchange.ts'

/** An empty body record. */
export function createCapture(): CapturedBody {
  return { chunks: [], bytes: 0, truncated: false }
}

/**
 * Keeps a chunk for the log by reference, up to `limit` bytes in all; past it only counts.
 * A chunk that crosses the limit is cut there (the log's writer repairs a cut character).
 */
export function captureChunk(body: CapturedBody, chunk: string | Uint8Array, limit: number): void {
  const size = typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.byteLength
  const room = limit - body.bytes
  body.bytes += size
  if (room >= size) {
    body.chunks.push(chunk)
    return
  }
  body.truncated = true
  if (room <= 0) return
  const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
  body.chunks.push(bytes.subarray(0, room))
}
