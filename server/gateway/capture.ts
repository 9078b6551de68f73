import type { LogRuntime, Runtime } from '../config/runtime.ts'
import type { CapturedBody, Exchange } from './exchange.ts'

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

export interface KeptSettings {
  log: KeptBodies
  projects: ReadonlyMap<string, { log: KeptBodies }>
}

type KeptBodies = Pick<LogRuntime, 'bodies' | 'maxBodyBytes'>

/** What is kept of the bodies: as the caller's project says, and for everybody else as the log says. */
export function keptBodies(
  { log, projects }: KeptSettings,
  { caller }: Pick<Exchange, 'caller'>,
): KeptBodies {
  return (caller === null ? undefined : projects.get(caller.projectId)?.log) ?? log
}

/** Bytes of each body to hold for the log, which may cut more once it has taken the media out. */
export function captureLimit(
  runtime: Pick<Runtime, 'log' | 'projects'>,
  exchange: Pick<Exchange, 'caller'>,
): number {
  const { bodies, maxBodyBytes } = keptBodies(runtime, exchange)
  if (bodies !== 'full' || maxBodyBytes === 0) return 0
  const { media, maxMediaBytes } = runtime.log
  return media ? Math.max(maxBodyBytes, maxMediaBytes) : maxBodyBytes
}
