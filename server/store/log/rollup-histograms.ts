/**
 * Times as counts in buckets: small, mergeable in any order and on either engine, and good for any percentile.
 *
 * Layout: a text of `bucket:count` in rising order of the buckets, joined by commas, such as `41:3,1044:1`; '' for nothing.
 * A bucket is the kind's first number (latency 0, time to the first token 1000, the gateway's own time 2000) plus the
 * index of the smallest of `bounds` that is not below the microseconds. The bounds go 1, 2, 3, … 9, 10, 12, 14, 16, …: each
 * is 1.2 times the one before, rounded down, and at least one more. So a time is known to 9.1 %. The last is a day, and
 * holds all that is above. The bounds are part of what is stored: they never change.
 */

export type HistogramKind = 'latency' | 'ttft' | 'overhead'

/** First bucket of each kind. */
const firstBucket = { latency: 0, ttft: 1000, overhead: 2000 } as const satisfies Record<
  HistogramKind,
  number
>
const bucketsOfKind = 1000

const growth = 1.2
/** Microseconds. */
const day = 86_400_000_000

/** Upper ends in microseconds, rising. */
export const bounds: readonly number[] = createBounds()

function createBounds(): number[] {
  const ends = [1]
  for (let end = 1; end < day; ends.push(end))
    end = Math.min(day, Math.max(end + 1, Math.floor(end * growth)))
  return ends
}

/** Counts by bucket; never 0. */
export type Histogram = Map<number, number>

/** The bucket of a time in microseconds. */
export function bucketOf(kind: HistogramKind, microseconds: number): number {
  let low = 0
  let high = bounds.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((bounds[middle] as number) < microseconds) low = middle + 1
    else high = middle
  }
  return firstBucket[kind] + low
}

/** The time that stands for a bucket, in microseconds: it is as many times the lower end as the upper end is times it. */
function timeOf(index: number): number {
  const high = bounds[index] as number
  const low = index === 0 ? high : (bounds[index - 1] as number) + 1
  return Math.sqrt(low * high)
}

export function addCount(histogram: Histogram, bucket: number, count: number): void {
  const sum = (histogram.get(bucket) ?? 0) + count
  if (sum === 0) histogram.delete(bucket)
  else histogram.set(bucket, sum)
}

export function addHistogram(to: Histogram, from: Histogram): void {
  for (const [bucket, count] of from) addCount(to, bucket, count)
}

export function encodeHistogram(histogram: Histogram): string {
  if (histogram.size === 0) return ''
  const buckets = [...histogram.keys()].sort((one, other) => one - other)
  let text = ''
  for (const bucket of buckets) {
    text += text === '' ? `${bucket}:` : `,${bucket}:`
    text += histogram.get(bucket)
  }
  return text
}

/** Adds what a text of `encodeHistogram` counts. */
export function addEncoded(to: Histogram, text: string): void {
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(':', at)
    const comma = text.indexOf(',', colon)
    const end = comma === -1 ? text.length : comma
    addCount(to, Number(text.slice(at, colon)), Number(text.slice(colon + 1, end)))
    at = end + 1
  }
}

/** SQL's `merge_histograms(a, b)` for engines that call functions of ours. */
export function mergeHistograms(one: unknown, other: unknown): string {
  const a = typeof one === 'string' ? one : ''
  const b = typeof other === 'string' ? other : ''
  if (a === '') return b
  if (b === '') return a
  const merged: Histogram = new Map()
  addEncoded(merged, a)
  addEncoded(merged, b)
  return encodeHistogram(merged)
}

/** The same as a function of PostgreSQL. Counts may be below 0 in what is merged; those that come to 0 are left out. */
export const mergeHistogramsInPostgres = `
  CREATE FUNCTION merge_histograms(a TEXT, b TEXT) RETURNS TEXT LANGUAGE SQL IMMUTABLE AS $$
    SELECT CASE WHEN a = '' THEN b WHEN b = '' THEN a ELSE coalesce((
      SELECT string_agg(bucket || ':' || sum, ',' ORDER BY bucket) FROM (
        SELECT CAST(split_part(entry, ':', 1) AS INT) AS bucket, sum(CAST(split_part(entry, ':', 2) AS BIGINT)) AS sum
        FROM unnest(string_to_array(a || ',' || b, ',')) AS entry GROUP BY 1
      ) AS counts WHERE sum <> 0
    ), '') END
  $$`

/** Milliseconds that `share` (0 to 1) of the times do not exceed, by nearest rank, to 9.1 %; null when there are none. */
export function percentile(histogram: Histogram, kind: HistogramKind, share: number): number | null {
  const first = firstBucket[kind]
  const counts = [...histogram].filter(([bucket]) => bucket >= first && bucket < first + bucketsOfKind)
  const total = counts.reduce((sum, [, count]) => sum + count, 0)
  if (total <= 0) return null
  let left = Math.max(1, Math.ceil(total * share))
  for (const [bucket, count] of counts.sort(([one], [other]) => one - other)) {
    left -= count
    if (left <= 0) return Math.round(timeOf(bucket - first)) / 1000
  }
  return null
}
