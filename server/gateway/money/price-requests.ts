import type { PricesRuntime } from '../../config/runtime.ts'
import type { Observer } from '../exchange.ts'
import { priceExchange } from './price-exchange.ts'

/** Sets the cost of each request that ends. Has to be told before the observers that look at it. */
export function priceRequests(prices: () => PricesRuntime): Observer {
  return {
    finished(exchange) {
      exchange.cost = priceExchange(exchange, prices())
    },
  }
}
