/** Forms of PromQL that the dashboards use again and again. All of them are of the chosen gateways. */
import { chosen, type Query } from './panels.ts'

/** A selector, with further matchers where given. */
export function select(metric: string, matchers = ''): string {
  return `${metric}{${matchers === '' ? chosen : `${chosen}, ${matchers}`}}`
}

/** Per second, summed over the labels given (none: over everything). */
export function rateBy(labels: string, metric: string, matchers = ''): string {
  const by = labels === '' ? '' : ` by (${labels})`
  return `sum${by} (rate(${select(metric, matchers)}[$__rate_interval]))`
}

/** What makes a share of two rates over the same labels; 0 where the part has no series yet. */
export function share(part: string, whole: string): string {
  return `(${part} or ${whole} * 0) / ${whole}`
}

/** A quantile of a histogram. @param labels to keep apart, empty for none. */
export function quantile(level: number, labels: string, metric: string, matchers = ''): string {
  const by = labels === '' ? 'le' : `${labels}, le`
  return `histogram_quantile(${level}, ${rateBy(by, `${metric}_bucket`, matchers)})`
}

/** The usual three of a histogram as one chart. */
export function quantiles(metric: string, matchers = ''): Query[] {
  return [0.5, 0.95, 0.99].map((level) => ({
    expr: quantile(level, '', metric, matchers),
    legend: `p${level * 100}`,
  }))
}

/**
 * Codes of failed calls that are the provider's business (or that of the account there), not the client's: a client that
 * hung up, or sent what no model takes, says nothing of a provider. The alert rules have the same list.
 */
export const providerFaults = 'error_code=~"upstream_.+|rate_limit_exceeded|server_error|insufficient_quota"'
