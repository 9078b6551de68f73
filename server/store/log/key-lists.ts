/** Keys as parameters of a statement. */

/** Filled up with the last of them to a power of two, so that there are few texts of statements. */
export function fillKeys(keys: readonly number[]): number[] {
  const size = 2 ** Math.ceil(Math.log2(keys.length))
  return [...keys, ...Array.from({ length: size - keys.length }, () => keys.at(-1) ?? 0)]
}

/** One `?` for each. */
export function marks(keys: readonly number[]): string {
  return keys.map(() => '?').join(', ')
}
