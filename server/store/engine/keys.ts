/**
 * The integer key of a request: Unix milliseconds × 1024 plus a count within the millisecond. It rises with admission,
 * so it orders pages and turns a range of time into a range of keys. Stays a safe integer until the year 2248.
 */

const keysPerMillisecond = 1024

/** The smallest key of a moment. */
export function keyAt(unixMilliseconds: number): number {
  return Math.floor(unixMilliseconds) * keysPerMillisecond
}

/** Gives rising keys, also past the 1024th in a millisecond and when the clock steps back. `last` is the newest stored key. */
export function createKeyMaker(last: number): (unixMilliseconds: number) => number {
  let previous = last
  return (unixMilliseconds) => {
    previous = Math.max(previous + 1, keyAt(unixMilliseconds))
    return previous
  }
}
