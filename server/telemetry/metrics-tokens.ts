/** What requests used and what it cost, attempt by attempt: every call costs, also one that failed. */
import type { Usage } from '../../translators/shared/canonical.ts'
import type { Exchange } from '../gateway/exchange.ts'
import { CellCounter } from './metrics-cells.ts'
import { createClosedLabel } from './metrics-labels.ts'

/** `cached_input` and `cache_write` are part of `input`, `reasoning` is part of `output`. */
export type TokenType = 'input' | 'cached_input' | 'cache_write' | 'output' | 'reasoning'

export function countTypes(usage: Usage): [type: TokenType, count: number][] {
  return [
    ['input', toCount(usage.input_tokens)],
    ['cached_input', toCount(usage.input_tokens_details.cached_tokens)],
    ['cache_write', toCount(usage.input_tokens_details.cache_write_tokens ?? 0)],
    ['output', toCount(usage.output_tokens)],
    ['reasoning', toCount(usage.output_tokens_details.reasoning_tokens)],
  ]
}

/** A provider's usage is only a claim. */
function toCount(value: number): number {
  return Number.isFinite(value) && value > 0 ? value : 0
}

export type UseSeries = ReturnType<typeof createUseSeries>

/** `usage`: whose count it rests on: `provider`, or `estimated` by the gateway. */
export function createUseSeries() {
  const routed = ['provider', 'model']
  return {
    tokens: new CellCounter({
      name: 'dragoman_tokens_total',
      help: 'Tokens used, failed calls included, by type and by who counted them; cached_input and cache_write are part of input, reasoning is part of output.',
      labelNames: [...routed, 'type', 'usage'],
    }),
    cost: new CellCounter({
      name: 'dragoman_cost_usd_total',
      help: 'Cost of calls in USD, failed ones included, by who counted what it rests on; requests of which the cost is not known are not in it.',
      labelNames: [...routed, 'usage'],
      divisor: 1_000_000_000,
    }),
    unpriced: new CellCounter({
      name: 'dragoman_unpriced_requests_total',
      help: 'Requests of which the cost is not known, by the reason.',
      labelNames: [...routed, 'reason'],
    }),
    estimated: new CellCounter({
      name: 'dragoman_estimated_usage_requests_total',
      help: 'Requests of which the gateway counted tokens itself, because the provider told none.',
      labelNames: routed,
    }),
  }
}

const counters = ['provider', 'estimated']

/** Records what a finished request used and cost. `model`: as a label. */
export function createUseRecorder(series: UseSeries) {
  const reasonOf = createClosedLabel(['unknown_model', 'no_usage', 'no_rate'])
  const usageOf = createClosedLabel(counters, 'provider')

  function addTokens(usage: Usage, provider: string, model: string, source: string): void {
    for (const [type, count] of countTypes(usage))
      if (count > 0) series.tokens.cell(provider, model, type, source).inc(count)
  }
  function recordTokens(exchange: Exchange, model: string): void {
    for (const { usage, usageSource, provider } of exchange.attempts)
      if (usage !== null) addTokens(usage, provider, model, usageOf(usageSource ?? 'provider'))
    const last = exchange.attempts.at(-1)
    // Only when the answering one told none does the gateway's own count stand in.
    if (exchange.usage !== null && (last?.usage ?? null) === null)
      addTokens(exchange.usage, last?.provider ?? '', model, usageOf(exchange.usageSource ?? 'provider'))
    const estimated = exchange.attempts.find(({ usageSource }) => usageSource === 'estimated')
    if (estimated !== undefined || exchange.usageSource === 'estimated')
      series.estimated.cell((estimated ?? last)?.provider ?? '', model).inc()
  }
  function recordCost({ cost }: Exchange, model: string): void {
    if (cost === null) return
    if (cost.nanos !== null) {
      for (const { provider, nanos, usage } of cost.attempts)
        if (nanos !== null && nanos > 0)
          series.cost.cell(provider, model, usageOf(usage ?? 'provider')).inc(nanos)
      return
    }
    const unknown = cost.attempts.find(({ nanos }) => nanos === null)
    series.unpriced.cell(unknown?.provider ?? '', model, reasonOf(cost.reason ?? '')).inc()
  }
  return (exchange: Exchange, model: string): void => {
    recordTokens(exchange, model)
    recordCost(exchange, model)
  }
}
