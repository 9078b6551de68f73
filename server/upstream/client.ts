/** The only outbound HTTP client: one keep-alive pool of HTTP/1.1 connections per origin over undici's dispatch. */

import { Pool } from 'undici'
import {
  Call,
  CountingClient,
  type UpstreamCall,
  type UpstreamControl,
  type UpstreamHandlers,
} from './call.ts'

export type { UpstreamCall, UpstreamControl, UpstreamHandlers } from './call.ts'
export { UpstreamError, type UpstreamErrorKind } from './upstream-error.ts'

export interface UpstreamClientOptions {
  /** Connections per origin at most, for calls that do not say. Further calls wait within their connect time-out. Default 1024. */
  maxConnections?: number
  /** Milliseconds that an unused connection stays open unless the provider says otherwise. Default 30 000. */
  keepAliveTimeout?: number
}

export interface UpstreamClient {
  /** Never throws: what is wrong with the call comes through `onError`. */
  send(call: UpstreamCall, handlers: UpstreamHandlers): UpstreamControl
  /** Lets calls in flight end, then closes every connection. Later calls fail as `connect_failed`. */
  close(): Promise<void>
  /** Closes every connection at once; calls in flight fail. */
  destroy(): Promise<void>
}

interface Destination {
  pool: Pool
  path: string
}

/** URLs are few (one per provider) but for polls, whose paths hold an id. */
const maxCachedDestinations = 1000

export function createUpstreamClient({
  maxConnections = 1024,
  keepAliveTimeout = 30_000,
}: UpstreamClientOptions = {}): UpstreamClient {
  const pools = new Map<string, Pool>()
  const destinations = new Map<string, Destination>()
  let closed = false

  function poolFor(origin: string, connections: number, connectTimeout: number): Pool {
    // Calls that disagree about the settings of a connection do not share one.
    const key = `${origin} ${connections} ${connectTimeout}`
    const existing = pools.get(key)
    if (existing !== undefined) return existing
    const pool = new Pool(origin, {
      connections,
      connectTimeout,
      keepAliveTimeout,
      // The call's own timer knows about backpressure.
      headersTimeout: 0,
      bodyTimeout: 0,
      // A socket per call: aborting one closes it, and a stalled one stalls no other.
      allowH2: false,
      factory: (url, options) => new CountingClient(url, options),
    })
    pools.set(key, pool)
    return pool
  }

  function destinationFor({
    url,
    timeouts,
    maxConnections: connections = maxConnections,
  }: UpstreamCall): Destination {
    const key = `${connections} ${timeouts.connect} ${url}`
    const cached = destinations.get(key)
    if (cached !== undefined) return cached
    const { origin, pathname, search } = new URL(url)
    const destination = { pool: poolFor(origin, connections, timeouts.connect), path: pathname + search }
    if (destinations.size >= maxCachedDestinations) destinations.clear()
    destinations.set(key, destination)
    return destination
  }

  async function forEachPool(action: (pool: Pool) => Promise<void>): Promise<void> {
    closed = true
    await Promise.all([...pools.values()].map(action))
  }

  return {
    send(request, handlers) {
      const call = new Call(request.timeouts, handlers, (handler) => {
        try {
          if (closed) throw new Error('the client is closed')
          const { pool, path } = destinationFor(request)
          const headers = { ...request.headers, 'accept-encoding': 'identity' }
          pool.dispatch({ path, method: request.method, headers, body: request.body }, handler)
        } catch (error) {
          handler.onResponseError(null, error as Error)
        }
      })
      call.start()
      return call
    },
    close: () => forEachPool((pool) => pool.close()),
    destroy: () => forEachPool((pool) => pool.destroy()),
  }
}
