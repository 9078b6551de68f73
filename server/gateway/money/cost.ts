/** What a request cost: shapes only. Amounts are whole nano-dollars (10⁻⁹ USD). */

/** What is counted: tokens but for `request`, `image` and `second` (of audio or video). */
export type CostKind =
  | 'input'
  | 'cached_input'
  | 'cache_write'
  | 'output'
  | 'reasoning'
  | 'request'
  | 'image'
  | 'second'

/** One line of a bill: `quantity` × `rate`, rounded half up to a whole nano-dollar. */
export interface CostPart {
  kind: CostKind
  quantity: number
  /** Nano-dollars per million tokens, or per million requests, images or seconds. */
  rate: number
  nanos: number
}

/**
 * Why there is no cost: `unknown_model`: no price for the provider's model at that time; `no_usage`: nothing is known of
 * what was used; `no_rate`: the price has no rate for something that was used.
 */
export type UnpricedReason = 'unknown_model' | 'no_usage' | 'no_rate'

/** Of one attempt. One that a provider refused or failed before it gave output is not billed: it has no parts and costs 0. */
export interface AttemptCost {
  /** From 1. */
  attempt: number
  provider: string
  upstream_model: string
  /** The version of the price that was taken; null when none was. */
  price: string | null
  /** Whose count of tokens it is; null when nothing was counted. */
  usage: 'provider' | 'estimated' | null
  /** Null when it is not known. */
  nanos: number | null
  reason: UnpricedReason | null
  parts: CostPart[]
}

/** Of a request: the sum over its attempts, retries and fallbacks included. */
export interface RequestCost {
  /** Null as soon as that of one attempt is not known; 0 without any attempt. */
  nanos: number | null
  reason: UnpricedReason | null
  /** Whether a part of it rests on estimated usage. */
  estimated: boolean
  /** Those that are billed or unknown. */
  attempts: AttemptCost[]
}
