import { randomFillSync } from 'node:crypto'

const pool = Buffer.allocUnsafe(18 * 256)
let used = pool.length

/**
 * A fresh id such as `resp_0193f0…`: 12 hex digits of the time in milliseconds, so that keys of one table grow in
 * order, then 36 of randomness.
 */
export function createId(prefix: string): string {
  if (used >= pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const random = pool.toString('hex', used, used + 18)
  used += 18
  return `${prefix}_${Date.now().toString(16).padStart(12, '0')}${random}`
}
