/** Rows of spend as CSV (RFC 4180). An unknown cost is an empty field, so that the column still adds up. */
import { formatRecord } from '../../csv.ts'
import type { AdminSpend, AdminSpendRow } from '../../http/admin/contract-spend.ts'

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
  const names = columns.map((name) => (name === 'value' ? (group ?? 'value') : name))
  return [names, ...rows.map((row) => columns.map((name) => row[name]))].map(formatRecord).join('')
}
