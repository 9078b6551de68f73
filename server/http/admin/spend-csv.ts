/** Rows of spend as CSV (RFC 4180). An unknown cost is an empty field, so that the column still adds up. */
import type { AdminSpend, AdminSpendRow } from './contract-spend.ts'

const columns = [
  'period',
  'kind',
  'value',
  'project',
  'requests',
  'unpriced_requests',
  'cost_usd',
  'estimated_cost_usd',
  'input_tokens',
  'output_tokens',
  'estimated_input_tokens',
  'estimated_output_tokens',
] as const satisfies (keyof AdminSpendRow)[]

export function renderSpendCsv({ rows, group_by: group }: AdminSpend): string {
  const names = columns.map((name) => (name === 'value' ? toField(group ?? 'value') : name))
  const lines = rows.map((row) => columns.map((name) => toField(row[name])).join(','))
  return `${[names.join(','), ...lines].join('\r\n')}\r\n`
}

/** Clients choose some of these texts, and spreadsheets run what looks like a formula: that gets an apostrophe first. */
function toField(value: string | number | null): string {
  if (value === null) return ''
  if (typeof value === 'number') return String(value)
  const isAmount = /^-?\d+(\.\d+)?$/.test(value)
  const text = !isAmount && /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
