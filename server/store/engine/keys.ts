/**
 * The integer key of a request: Unix milliseconds × 1024 plus a count within the millisecond. It rises with admission,
 * so it orders pages and turns a range of time into a range of keys. Stays a safe integer until the year 2248.
 */

const keysPerMillisecond = 1024

/** The smallest key of a moment. */
export function keyAt(unixMilliseconds: number): number {
  return Math.floor(unixMilliseconds) * keysPerMillisecond
}

/** The moment of a key in Unix milliseconds. */
export function timeOf(key: number): number {
  return Math.floor(key / keysPerMillisecond)
}

/** The share of the keys that one gateway uses: those that leave `lane` when divided by `lanes`, which divides 1024. */
export interface KeyLane {
  lane: number
  lanes: number
}

/** Gives rising keys, also when a millisecond has no more of them and when the clock steps back. `last`: the newest stored key. */
export function createKeyMaker(
  last: number,
  { lane, lanes }: KeyLane = { lane: 0, lanes: 1 },
): (unixMilliseconds: number) => number {
  let previous = last - ((((last - lane) % lanes) + lanes) % lanes)
  return (unixMilliseconds) => {
    previous = Math.max(previous + lanes, keyAt(unixMilliseconds) + lane)
    return previous
  }
}
