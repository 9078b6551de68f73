/**
 * The attempts of a cost as the record keeps them: JSON of arrays, since the names of the members would take three times
 * the room of what they name, in every row. The order of the values is part of what is stored: it only ever grows.
 */
import type { AttemptCost, CostKind, CostPart, UnpricedReason, UsedQuantities } from './cost.ts'

/** In the order by whose places parts are kept. */
const kinds: readonly CostKind[] = [
  'input',
  'cached_input',
  'cache_write',
  'output',
  'reasoning',
  'request',
  'image',
]

type PackedPart = [kind: number, quantity: number, rate: number, nanos: number]
type PackedUse = [
  input: number,
  cached: number,
  written: number,
  output: number,
  reasoning: number,
  images: number,
]
type PackedAttempt = [
  attempt: number,
  provider: string,
  variant: string,
  upstreamModel: string,
  /** 1: the one that was asked for. */
  reportedModel: string | null | 1,
  serviceTier: string | null,
  price: string | null,
  usage: 'p' | 'e' | null,
  used: PackedUse | null,
  nanos: number | null,
  reason: UnpricedReason | null,
  parts: PackedPart[],
]

export function packCost(attempts: readonly AttemptCost[]): string {
  return JSON.stringify(attempts.map(packAttempt))
}

/** Null for a text that `packCost` did not make, or that something was taken out of. */
export function unpackCost(text: string): AttemptCost[] | null {
  try {
    return (JSON.parse(text) as PackedAttempt[]).map(unpackAttempt)
  } catch {
    return null
  }
}

function packAttempt(cost: AttemptCost): PackedAttempt {
  return [
    cost.attempt,
    cost.provider,
    cost.variant,
    cost.upstream_model,
    cost.reported_model === cost.upstream_model ? 1 : cost.reported_model,
    cost.service_tier,
    cost.price,
    cost.usage === null ? null : cost.usage === 'estimated' ? 'e' : 'p',
    cost.used && packUse(cost.used),
    cost.nanos,
    cost.reason,
    cost.parts.map(({ kind, quantity, rate, nanos }) => [kinds.indexOf(kind), quantity, rate, nanos]),
  ]
}

function packUse({ input, cached_input, cache_write, output, reasoning, images }: UsedQuantities): PackedUse {
  return [input, cached_input, cache_write, output, reasoning, images]
}

function unpackAttempt([
  attempt,
  provider,
  variant,
  upstreamModel,
  reportedModel,
  serviceTier,
  price,
  usage,
  used,
  nanos,
  reason,
  parts,
]: PackedAttempt): AttemptCost {
  return {
    attempt,
    provider,
    variant,
    upstream_model: upstreamModel,
    reported_model: reportedModel === 1 ? upstreamModel : reportedModel,
    service_tier: serviceTier,
    price,
    usage: usage === null ? null : usage === 'e' ? 'estimated' : 'provider',
    used: used && unpackUse(used),
    nanos,
    reason,
    parts: parts.map(unpackPart),
  }
}

function unpackUse([input, cached_input, cache_write, output, reasoning, images]: PackedUse): UsedQuantities {
  return { input, cached_input, cache_write, output, reasoning, images }
}

function unpackPart([place, quantity, rate, nanos]: PackedPart): CostPart {
  const kind = kinds[place]
  if (kind === undefined) throw new RangeError(`No kind of cost has the place ${place}.`)
  return { kind, quantity, rate, nanos }
}
