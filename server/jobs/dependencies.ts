/** What the parts of the background jobs share. */
import type { Exchange } from '../gateway/exchange.ts'
import type { Gateway } from '../gateway/respond.ts'
import type { GatewayDependencies } from '../gateway/work.ts'
import type { EventHub } from './event-hub.ts'

export interface JobsDependencies extends GatewayDependencies {
  gateway: Gateway
  /** Something went wrong that nobody is told of. `exchange` is null outside of a response. */
  onTrouble(error: unknown, exchange: Exchange | null): void
  /** The store does not answer what is asked every second, and why; null: it does again. Default: `onTrouble` of the first. */
  onOutage?(error: unknown): void
}

export interface JobsContext extends JobsDependencies {
  hub: EventHub
}
