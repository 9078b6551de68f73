/** `log.retention` of the configuration → milliseconds and bytes, null for what has no end. */
import type { ProblemList } from './problems.ts'
import type { RetentionRuntime } from './runtime.ts'
import type { ConfigurationDraft } from './schema.ts'

/** Less than this holds no hour of a busy log: most likely gigabytes were meant. */
const leastBytes = 100_000_000

export function buildRetention({
  draft,
  problems,
  warnings,
}: {
  draft: ConfigurationDraft
  problems: ProblemList
  warnings: string[]
}): RetentionRuntime {
  const { bodyDays, rowDays, rollupDays, minuteDays, maxBytes } = draft.log.retention
  if (maxBytes > 0 && maxBytes < leastBytes) {
    problems.add(
      ['log', 'retention', 'maxBytes'],
      `${maxBytes} bytes hold no log; give at least ${leastBytes} (10 GB are 10000000000), or 0 for no limit`,
    )
  }
  if (isLonger(bodyDays, rowDays)) {
    warnings.push(
      `log.retention: bodies go with their rows, after ${rowDays} days and not ${bodyDays} (bodyDays); raise rowDays to keep them.`,
    )
  }
  // Else spend would be less than what the rows say, and repricing would move sums that are gone.
  const isShort = isLonger(rowDays, rollupDays)
  const sumDays = isShort ? rowDays : rollupDays
  if (isShort) {
    warnings.push(
      `log.retention: sums stay as long as rows, for ${rowDays} days and not ${rollupDays} (rollupDays); lower rowDays to let them go sooner.`,
    )
  }
  if (isLonger(minuteDays, sumDays)) {
    warnings.push(
      `log.retention: sums per minute go with those per hour, after ${sumDays} days and not ${minuteDays} (minuteDays); raise rollupDays to keep them.`,
    )
  }
  return {
    bodies: shorter(toMilliseconds(bodyDays), toMilliseconds(rowDays)),
    rows: toMilliseconds(rowDays),
    rollups: toMilliseconds(sumDays),
    minutes: shorter(toMilliseconds(minuteDays), toMilliseconds(sumDays)),
    maxBytes: maxBytes === 0 ? null : maxBytes,
  }
}

function toMilliseconds(days: number): number | null {
  return days === 0 ? null : days * 86_400_000
}

/** 0 days say "as long as the other", which is no contradiction. */
function isLonger(days: number, limit: number): boolean {
  return limit > 0 && days > limit
}

/** Null is endless. */
function shorter(first: number | null, second: number | null): number | null {
  if (first === null || second === null) return first ?? second
  return Math.min(first, second)
}
