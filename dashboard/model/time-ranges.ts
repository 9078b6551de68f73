/** Choices of time that count back from now. */

export interface Range {
  id: string
  label: string
  words: string
  seconds: number
}

export const ranges: readonly Range[] = [
  { id: '15m', label: '15 m', words: '15 minutes', seconds: 900 },
  { id: '1h', label: '1 h', words: 'hour', seconds: 3600 },
  { id: '24h', label: '24 h', words: '24 hours', seconds: 86_400 },
  { id: '7d', label: '7 d', words: '7 days', seconds: 604_800 },
  { id: '30d', label: '30 d', words: '30 days', seconds: 2_592_000 },
  { id: '90d', label: '90 d', words: '90 days', seconds: 7_776_000 },
]

/** The last hour where the address names none. */
export function readRange(query: URLSearchParams): Range {
  return findRange(query.get('range')) ?? ranges[1]!
}

export function findRange(id: string | null | undefined): Range | undefined {
  return ranges.find((range) => range.id === id)
}

/** The beginning of a range as the API takes it, at a whole minute so that a shared clock gives equal questions. */
export function startOfRange({ seconds }: Range, now: number): string {
  return new Date(Math.floor((now - seconds * 1000) / 60_000) * 60_000).toISOString()
}
