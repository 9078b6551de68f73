/** Whole nano-dollars as a decimal of dollars with exactly nine decimals: 123 450 → "0.000123450". */
export function formatNanos(nanos: bigint): string {
  const sign = nanos < 0n ? '-' : ''
  const digits = (nanos < 0n ? -nanos : nanos).toString().padStart(10, '0')
  return `${sign}${digits.slice(0, -9)}.${digits.slice(-9)}`
}
