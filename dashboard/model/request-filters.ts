/** The filters of the list of requests: their names stand in the page's address and in the admin API's query alike. */

import type { AdminFacets } from '../../server/http/admin/contract.ts'
import { formatCount, formatDuration, formatInstant, formatWord } from './format.ts'
import { formatMoney } from './money.ts'
import { findRange, ranges, startOfRange } from './time-ranges.ts'

/** Values by name; metadata as `metadata[name]`. */
export type Filters = Readonly<Record<string, string | undefined>>

export type FacetName = keyof AdminFacets['counts']

interface Choice {
  value: string
  label: string
}

export interface FilterDefinition {
  name: string
  label: string
  /** What stands where nothing is chosen. */
  any: string
  /** Values that the traffic has; with `choices` besides. */
  facet?: FacetName
  choices?: readonly Choice[]
  /** A value as people read it. */
  format?(value: string): string
}

const yesNo = (yes: string, no: string): Choice[] => [
  { value: 'true', label: yes },
  { value: 'false', label: no },
]
const milliseconds = (value: string) => formatDuration(Number(value))
const tokens = (value: string) => formatCount(Number(value))
const dollars = (value: string) => formatMoney(value)
const presets = (values: readonly string[], format: (value: string) => string): Choice[] =>
  values.map((value) => ({ value, label: `at least ${format(value)}` }))
const most = (name: string, label: string, format: (value: string) => string): FilterDefinition => ({
  name,
  label,
  any: '',
  format: (value) => `at most ${format(value)}`,
})
const least = (
  name: string,
  label: string,
  values: readonly string[],
  format: (value: string) => string,
): FilterDefinition => ({
  name,
  label,
  any: 'Any',
  choices: presets(values, format),
  format: (value) => `at least ${format(value)}`,
})

/** Always in sight. */
export const mainFilters: readonly FilterDefinition[] = [
  {
    name: 'range',
    label: 'Time',
    any: 'Any time',
    choices: ranges.map(({ id, words }) => ({ value: id, label: `Last ${words}` })),
    format: (value) => `last ${findRange(value)?.words ?? value}`,
  },
  { name: 'project', label: 'Project', any: 'All projects', facet: 'projects' },
  { name: 'model', label: 'Model', any: 'All models', facet: 'models' },
  { name: 'provider', label: 'Provider', any: 'All providers', facet: 'providers' },
  {
    name: 'status',
    label: 'Status',
    any: 'All statuses',
    facet: 'statuses',
    choices: [
      { value: 'error', label: 'any error' },
      { value: 'in_progress', label: 'in progress' },
    ],
    format: (value) => (value === 'error' ? 'any error' : formatWord(value)),
  },
]

/** Behind "More filters". */
export const rareFilters: readonly FilterDefinition[] = [
  { name: 'key', label: 'Key', any: 'Any', facet: 'keys' },
  { name: 'error_code', label: 'Error code', any: 'Any', facet: 'error_codes' },
  {
    name: 'error_origin',
    label: 'Error by',
    any: 'Any',
    choices: ['client', 'gateway', 'upstream'].map((value) => ({ value, label: value })),
  },
  { name: 'stream', label: 'Stream', any: 'Any', choices: yesNo('streams', 'no streams') },
  {
    name: 'background',
    label: 'Background',
    any: 'Any',
    choices: yesNo('in the background', 'in the foreground'),
  },
  {
    name: 'operation',
    label: 'Operation',
    any: 'Any',
    choices: [
      { value: 'responses.create', label: 'response' },
      { value: 'responses.compact', label: 'compaction' },
      { value: 'responses.input_tokens', label: 'token count' },
    ],
  },
  { name: 'unpriced', label: 'Price', any: 'Any', choices: yesNo('without a price', 'with a price') },
  least('min_latency_ms', 'Latency', ['1000', '5000', '10000', '30000', '60000'], milliseconds),
  least('min_ttft_ms', 'First token', ['500', '1000', '2000', '5000'], milliseconds),
  least('min_cost_usd', 'Cost', ['0.001', '0.01', '0.1', '1', '10'], dollars),
  least('min_total_tokens', 'Tokens', ['1000', '10000', '50000', '100000'], tokens),
]

/** Typed in as they are. */
export const textFilters: readonly FilterDefinition[] = [
  { name: 'upstream_model', label: 'Provider’s model', any: '' },
  { name: 'session', label: 'Session', any: '' },
  { name: 'conversation', label: 'Conversation', any: '' },
  { name: 'user', label: 'User', any: '' },
]

/** Only by address: nothing on the page sets them, but it shows them. */
const hiddenFilters: readonly FilterDefinition[] = [
  { name: 'q', label: 'Search', any: '' },
  { name: 'from', label: 'From', any: '', format: formatMinute },
  { name: 'to', label: 'To', any: '', format: formatMinute },
  most('max_latency_ms', 'Latency', milliseconds),
  most('max_ttft_ms', 'First token', milliseconds),
  most('max_cost_usd', 'Cost', dollars),
  most('max_total_tokens', 'Tokens', tokens),
  least('min_input_tokens', 'Input tokens', [], tokens),
  most('max_input_tokens', 'Input tokens', tokens),
  least('min_output_tokens', 'Output tokens', [], tokens),
  most('max_output_tokens', 'Output tokens', tokens),
]

const definitions = new Map(
  [...hiddenFilters, ...mainFilters, ...rareFilters, ...textFilters].map((each) => [each.name, each]),
)

const metadataName = /^metadata\[(.+)\]$/s

/** Those filters of an address that there are; `names` for a page that has fewer. */
export function readFilters(query: URLSearchParams, names?: readonly string[]): Filters {
  const filters: Record<string, string> = {}
  for (const [name, value] of query) {
    const isKnown = names ? names.includes(name) : definitions.has(name) || metadataName.test(name)
    if (isKnown && value !== '') filters[name] = value
  }
  return filters
}

export function findDefinitions(names: readonly string[]): FilterDefinition[] {
  return names.flatMap((name) => definitions.get(name) ?? [])
}

export function countFilters(filters: Filters): number {
  return Object.values(filters).filter((value) => value !== undefined && value !== '').length
}

/** As the API takes them: a range that counts back from now becomes its beginning. */
export function toApiQuery({ range, ...filters }: Filters, now: number): Record<string, string | undefined> {
  const chosen = findRange(range)
  return chosen ? { ...filters, from: startOfRange(chosen, now) } : filters
}

/** Whether new requests can come into the view by themselves. */
export function isLiveView(filters: Filters): boolean {
  return !filters.q && !filters.to
}

export interface Chip {
  name: string
  label: string
  value: string
}

/** What is set, in words, the search apart: that has its own box. */
export function describeFilters(filters: Filters): Chip[] {
  return Object.entries(filters).flatMap(([name, value]) => {
    if (!value || name === 'q') return []
    const pair = metadataName.exec(name)?.[1]
    if (pair !== undefined) return [{ name, label: `metadata ${pair}`, value }]
    const definition = definitions.get(name)
    return definition ? [{ name, label: definition.label, value: describeValue(definition, value) }] : []
  })
}

export function describeValue({ choices, format }: FilterDefinition, value: string): string {
  return choices?.find((choice) => choice.value === value)?.label ?? format?.(value) ?? value
}

function formatMinute(value: string): string {
  return formatInstant(value).slice(0, 16)
}
