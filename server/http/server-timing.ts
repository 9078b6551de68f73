import type { Exchange } from '../gateway/exchange.ts'
import { measureOwnTime } from '../gateway/exchange-life.ts'

/** The id that the caller knows the request by. */
export function publicRequestId(exchange: Exchange): string {
  return exchange.clientRequestId ?? exchange.id
}

/** `server-timing`: the gateway's own time and the providers', in milliseconds, up to now. */
export function serverTiming(exchange: Exchange): string {
  const now = performance.now()
  const own = measureOwnTime(exchange, now)
  return `gateway;dur=${own.toFixed(2)}, upstream;dur=${(now - exchange.startedAt - own).toFixed(2)}`
}
