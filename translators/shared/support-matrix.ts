/** The contract tables of all variants as one Markdown table: what each provider can take. */
import { canonicalFields } from './contract-fields.ts'
import type { FieldContract, Limit, Support, Translator } from './translator.ts'

export const supportSymbols: Readonly<Record<Support, string>> = {
  native: '●',
  mapped: '◐',
  emulated: '◆',
  dropped: '○',
  refused: '✕',
}

const legend = [
  `${supportSymbols.native} sent as it is`,
  `${supportSymbols.mapped} sent in another form that means the same`,
  `${supportSymbols.emulated} done by the gateway`,
  `${supportSymbols.dropped} left out, and named in \`x-dragoman-adaptations\``,
  `${supportSymbols.refused} cannot be served: the next target is tried, else 400`,
]

/** @returns Markdown: the legend, the table (field × provider, with the default options), the notes. */
export function renderSupportMatrix(translators: readonly Translator[]): string {
  const notes: string[] = []
  const head = ['Field', ...translators.map(({ title }) => title)]
  const rows = canonicalFields.map((field) => [
    `\`${field}\``,
    ...translators.map(({ contract }) => renderCell(contract.fields[field], notes)),
  ])
  const table = [head, head.map((_, index) => (index === 0 ? '---' : ':-:')), ...rows]
  return [
    `${legend.join(' · ')}. Limits are the provider's: beyond them a value is clamped or left out, and named.`,
    '',
    ...table.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    ...notes.map((note, index) => `${index + 1}. ${note}`),
  ].join('\n')
}

function renderCell(row: FieldContract | undefined, notes: string[]): string {
  if (!row) return '?'
  const limit = row.limit ? renderLimit(row.limit) : ''
  const mark = row.note ? `<sup>${noteNumber(row.note, notes)}</sup>` : ''
  return [supportSymbols[row.support] + mark, limit].filter(Boolean).join(' ')
}

function noteNumber(note: string, notes: string[]): number {
  const known = notes.indexOf(note)
  return known < 0 ? notes.push(note) : known + 1
}

/** `0..2`, `≤ 8000`, `> 0, ≤ 1`, `≤ 64 chars`, `low, medium, high`. */
function renderLimit({ min, exclusiveMin, max, minLength, maxLength, maxItems, values }: Limit): string {
  const parts: string[] = []
  if (min !== undefined && max !== undefined && !exclusiveMin) parts.push(`${min}..${max}`)
  else {
    if (min !== undefined) parts.push(`${exclusiveMin ? '>' : '≥'} ${min}`)
    if (max !== undefined) parts.push(`≤ ${max}`)
  }
  if (minLength !== undefined && maxLength !== undefined) parts.push(`${minLength}..${maxLength} chars`)
  else if (maxLength !== undefined) parts.push(`≤ ${maxLength} chars`)
  if (maxItems !== undefined) parts.push(`≤ ${maxItems}`)
  if (values) parts.push(values.join(', '))
  return parts.join(', ')
}
