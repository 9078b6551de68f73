/** Numbers, times and sizes as people read them. What is not known is the word "unknown", never 0. */

export const unknown = 'unknown'

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

/** `1,234`. */
export function formatCount(value: number | null): string {
  return value === null ? unknown : grouped.format(value)
}

/** `1,234`, from a hundred thousand on `123.4K`. */
export function formatCompact(value: number | null): string {
  if (value === null) return unknown
  return value < 100_000 ? grouped.format(value) : compact.format(value)
}

/** Milliseconds as `0.42 ms`, `312 ms`, `4.21 s`, `3 min 20 s`. */
export function formatDuration(ms: number | null): string {
  if (ms === null) return unknown
  if (ms < 10) return `${trimZeros(ms.toFixed(2))} ms`
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_995) return `${trimZeros((ms / 1000).toFixed(ms < 9_995 ? 2 : 1))} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}

function trimZeros(text: string): string {
  return text.replace(/\.?0+$/, '')
}

/** Bytes as `512 B`, `1.4 KiB`, `3 MiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  if (bytes < 1024 * 1024) return `${trimZeros((bytes / 1024).toFixed(1))} KiB`
  if (bytes < 1024 ** 3) return `${trimZeros((bytes / 1024 / 1024).toFixed(1))} MiB`
  return `${trimZeros((bytes / 1024 ** 3).toFixed(1))} GiB`
}

/** A share of a whole: `0 %`, `< 0.1 %`, `1.2 %`, `34 %`. */
export function formatShare(part: number, whole: number): string {
  if (whole === 0 || part === 0) return '0 %'
  const percent = (part / whole) * 100
  if (percent < 0.1) return '< 0.1 %'
  return percent < 10 ? `${trimZeros(percent.toFixed(1))} %` : `${Math.round(percent)} %`
}

function pad(value: number, length = 2): string {
  return String(value).padStart(length, '0')
}

function formatDay(date: Date): string {
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`
}

/** The local clock `14:03:09`, or with its day when that is not `now`'s. */
export function formatTime(iso: string, now: Date): string {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return iso
  const clock = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`
  return formatDay(date) === formatDay(now) ? clock : `${formatDay(date)} ${clock}`
}

/** The local day and clock with milliseconds: `2026-11-21 14:03:09.123`. */
export function formatInstant(iso: string): string {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return iso
  const clock = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`
  return `${formatDay(date)} ${clock}.${pad(date.getMilliseconds(), 3)}`
}

const dayWords = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })

/** The local day and clock in a sentence: `12 Mar 2026, 14:03`. */
export function formatDayTime(iso: string): string {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return iso
  return `${dayWords.format(date)}, ${pad(date.getHours())}:${pad(date.getMinutes())}`
}

/** A stretch of time, the day once where it is one: `12 Mar 2026, 14:03 – 15:03`. */
export function formatSpan(from: string, to: string): string {
  const [start, end] = [formatDayTime(from), formatDayTime(to)]
  const day = start.slice(0, start.indexOf(',') + 2)
  return `${start} – ${end.startsWith(day) ? end.slice(day.length) : end}`
}

/** A label of a time axis: the clock within two days, else the day. */
export function formatTick(at: Date, spanSeconds: number): string {
  if (spanSeconds > 2 * 86_400) return `${pad(at.getMonth() + 1)}-${pad(at.getDate())}`
  return `${pad(at.getHours())}:${pad(at.getMinutes())}`
}

/** A word of the API as a person reads it: `in_progress` → `in progress`. */
export function formatWord(word: string): string {
  return word.replaceAll('_', ' ')
}

/** `one request`, `2 requests`. */
export function formatPlural(count: number, noun: string, plural = `${noun}s`): string {
  return count === 1 ? `1 ${noun}` : `${formatCount(count)} ${plural}`
}

/** A call of the gateway to paste into a shell. */
export function formatCurl({
  origin,
  model,
  withKey,
}: {
  origin: string
  model: string
  withKey: boolean
}): string {
  const body = JSON.stringify({ model, input: 'Say hello in three languages.' }).replaceAll("'", "'\\''")
  return [
    `curl ${origin}/v1/responses \\`,
    ...(withKey ? ['  -H "authorization: Bearer $DRAGOMAN_KEY" \\'] : []),
    "  -H 'content-type: application/json' \\",
    `  -d '${body}'`,
  ].join('\n')
}
