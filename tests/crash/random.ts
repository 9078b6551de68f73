/** Chance that can be had again: the same seed, the same numbers. */
export interface Random {
  /** From `low` to `high`, both included. */
  integer(low: number, high: number): number
  /** True with this probability. */
  chance(probability: number): boolean
  pick<Value>(values: readonly Value[]): Value
  /** A source of its own: what one part draws changes nothing for another. */
  fork(): Random
}

/** xorshift32 with an odd multiplier: enough to choose moments and sizes by. */
export function createRandom(seed: number): Random {
  let state = seed | 0 || 1
  function next(): number {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (Math.imul(state, 0x9e3779b1) >>> 0) / 2 ** 32
  }
  return {
    integer: (low, high) => low + Math.floor(next() * (high - low + 1)),
    chance: (probability) => next() < probability,
    pick: (values) => values[Math.floor(next() * values.length)] as never,
    fork: () => createRandom(Math.floor(next() * 2 ** 31)),
  }
}
