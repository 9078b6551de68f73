/** Whole nano-dollars, or their decimal, as a decimal of dollars with exactly nine decimals: 123 450 → "0.000123450". */
export function formatNanos(nanos: bigint | string): string {
  const text = nanos.toString()
  const sign = text.startsWith('-') ? '-' : ''
  const digits = text.slice(sign.length).padStart(10, '0')
  return `${sign}${digits.slice(0, -9)}.${digits.slice(-9)}`
}
