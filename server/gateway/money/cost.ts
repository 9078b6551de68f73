/** What a request cost: shapes only. Amounts are whole nano-dollars (10⁻⁹ USD). */

/** What is counted: tokens but for `request` and `image` (made by the provider's image tool). */
export type CostKind = 'input' | 'cached_input' | 'cache_write' | 'output' | 'reasoning' | 'request' | 'image'

/** One line of a bill: `quantity` × `rate`, rounded half up to a whole nano-dollar. */
export interface CostPart {
  kind: CostKind
  quantity: number
  /** Nano-dollars per million tokens, or per million requests or images. */
  rate: number
  nanos: number
}

/**
 * Why there is no cost: `unknown_model`: no price for the provider's model at that time; `no_usage`: nothing is known of
 * what was used; `no_rate`: the price has no rate for something that was used, or none for the service tier.
 */
export type UnpricedReason = 'unknown_model' | 'no_usage' | 'no_rate'

/** What one attempt used, as it is billed: enough to price it again. */
export interface UsedQuantities {
  /** All of them, the cached and the written ones included. */
  input: number
  cached_input: number
  cache_write: number
  /** All of them, reasoning included. */
  output: number
  reasoning: number
  images: number
}

/** Of one attempt. One that a provider refused or failed before it gave output is not billed: it is left out. */
export interface AttemptCost {
  /** From 1. */
  attempt: number
  /** The id in the configuration. */
  provider: string
  variant: string
  /** The model that was asked for. */
  upstream_model: string
  /** The model that the provider says has answered; null when it says none. */
  reported_model: string | null
  /** The one that the provider answered with, else the one that was sent to it; null: the usual one. */
  service_tier: string | null
  /** The version of the price that was taken; null when none was. */
  price: string | null
  /** Whose count of tokens it is; null when nothing was counted. */
  usage: 'provider' | 'estimated' | null
  /** Null when nothing is known of it. */
  used: UsedQuantities | null
  /** Null when it is not known. */
  nanos: number | null
  reason: UnpricedReason | null
  /** Empty without `nanos`; their sum is `nanos`. */
  parts: CostPart[]
}

/** Of a request: the sum over its attempts, retries and fallbacks included. */
export interface RequestCost {
  /** Null as soon as that of one attempt is not known; 0 without any attempt. */
  nanos: number | null
  /** The first one among the attempts. */
  reason: UnpricedReason | null
  /** Whether a part of it rests on estimated usage. */
  estimated: boolean
  /** Those that are billed or unknown. */
  attempts: AttemptCost[]
}
