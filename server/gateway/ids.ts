import { randomBytes } from 'node:crypto'

/** Hex digits of randomness in one id. */
const digits = 36

let pool = ''
let used = 0

/**
 * A fresh id such as `resp_0193f0…`: 12 hex digits of the time in milliseconds, so that keys of one table grow in
 * order, then 36 of randomness, cut from a pool since a response takes several ids.
 */
export function createId(prefix: string): string {
  if (used >= pool.length) {
    pool = randomBytes(digits * 64).toString('hex')
    used = 0
  }
  const random = pool.slice(used, used + digits)
  used += digits
  return `${prefix}_0${Date.now().toString(16)}${random}`
}
