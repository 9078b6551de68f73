/** CSV as RFC 4180 has it. */

/** An unknown value is an empty field. */
export function formatField(value: string | number | boolean | null): string {
  if (value === null) return ''
  if (typeof value !== 'string') return String(value)
  // Clients choose some of these texts, and spreadsheets run what looks like a formula: that gets an apostrophe first.
  const isAmount = /^-?\d+(\.\d+)?$/.test(value)
  const text = !isAmount && /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

export function formatRecord(values: readonly (string | number | boolean | null)[]): string {
  return `${values.map(formatField).join(',')}\r\n`
}
