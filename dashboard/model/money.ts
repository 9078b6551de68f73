/** Dollars as the API writes them: decimals with nine places, exact. Numbers of floating point only draw charts. */

import { unknown } from './format.ts'

const nanosPerDollar = 1_000_000_000n

/** Whole nano-dollars of "0.000123450". */
export function readNanos(text: string): bigint {
  const [, sign, whole = '0', decimals = ''] = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(text) ?? []
  const nanos = BigInt(whole) * nanosPerDollar + BigInt(decimals.padEnd(9, '0'))
  return sign === '-' ? -nanos : nanos
}

/** With all nine places, as the API writes it. */
export function writeNanos(nanos: bigint): string {
  const digits = (nanos < 0n ? -nanos : nanos).toString().padStart(10, '0')
  return `${nanos < 0n ? '-' : ''}${digits.slice(0, -9)}.${digits.slice(-9)}`
}

/** Exact: `$0.012345678`. */
export function formatExact(text: string | null): string {
  if (text === null) return unknown
  return text.startsWith('-') ? `−$${text.slice(1)}` : `$${text}`
}

/** To read: `$1,234.56`, `$0.0123`, `$0`. Rounded, so the exact amount belongs in the title. */
export function formatMoney(text: string | null): string {
  return text === null ? unknown : formatNanos(readNanos(text))
}

function formatNanos(nanos: bigint): string {
  if (nanos < 0n) return `−${formatNanos(-nanos)}`
  if (nanos === 0n) return '$0'
  if (nanos >= nanosPerDollar) {
    const cents = (nanos + 5_000_000n) / 10_000_000n
    const rest = cents % 100n
    const whole = (cents / 100n).toString().replace(/\B(?=(\d{3})+$)/g, ',')
    return `$${whole}.${rest.toString().padStart(2, '0')}`
  }
  return `$${writeNanos(roundToThree(nanos)).replace(/0+$/, '').replace(/\.$/, '')}`
}

/** To three digits that say something. */
function roundToThree(nanos: bigint): bigint {
  const step = 10n ** BigInt(Math.max(0, nanos.toString().length - 3))
  return ((nanos + step / 2n) / step) * step
}

/** A label of an axis. */
export function formatDollars(dollars: number | null): string {
  return dollars === null ? unknown : formatMoney(writeNanos(BigInt(Math.round(dollars * 1e9))))
}

/** For the height of a bar. */
export function toDollars(text: string): number {
  return Number(text)
}

export function addMoney(texts: readonly (string | null)[]): string {
  return writeNanos(texts.reduce((sum, text) => sum + (text === null ? 0n : readNanos(text)), 0n))
}

const reasons: Readonly<Record<string, string>> = {
  unknown_model: 'no price is known for the model',
  no_usage: 'the provider told no usage',
  no_rate: 'the price has no rate for something that was used',
}

/** Why a cost is not known, in words. */
export function describeUnknownCost({
  reason,
  isRunning = false,
}: {
  reason: string | null
  isRunning?: boolean
}): string {
  if (reason !== null) return reasons[reason] ?? reason
  return isRunning ? 'known at the end' : 'nothing was priced'
}
