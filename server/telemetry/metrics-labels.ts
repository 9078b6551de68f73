/**
 * Label values are a closed set, or a series per odd client grows until the process dies. What is not known
 * beforehand gets one of a few free places, and past them counts under `_other`.
 */

/** The label value of everything past the cap of a label. */
export const otherLabel = '_other'

/** A longer name than any model has; what exceeds it is not worth a place. */
const maxLabelLength = 128

export interface LabelLimiter {
  /**
   * @param mayAdmit whether a value not seen before may take a free place: false for names that nobody but the
   * client vouches for.
   */
  label(value: string, mayAdmit: boolean): string
  /** Values of the configuration; they need no place. */
  know(values: Iterable<string>): void
}

/** Lets known values pass, then at most `maxOthers` more; an empty value stays empty ("none"). */
export function createLabelLimiter({
  known = [],
  maxOthers,
}: {
  known?: Iterable<string>
  maxOthers: number
}): LabelLimiter {
  const admitted = new Set<string>()
  let places = maxOthers
  function know(values: Iterable<string>): void {
    for (const value of values) if (!value.includes('*')) admitted.add(value)
  }
  know(known)
  return {
    know,
    label(value, mayAdmit) {
      if (value === '' || admitted.has(value)) return value
      if (!mayAdmit || places === 0 || value.length > maxLabelLength) return otherLabel
      places -= 1
      admitted.add(value)
      return value
    },
  }
}

/** A label of which every value is known; any other becomes `fallback`, and an empty one stays empty. */
export function createClosedLabel(
  values: Iterable<string>,
  fallback = otherLabel,
): (value: string) => string {
  const allowed = new Set(values)
  return (value) => (value === '' || allowed.has(value) ? value : fallback)
}

/** `tools[2].parameters.x` → the longest known field that it lies in, here `tools`; else `_other`. */
export function createFieldLabel(fields: Iterable<string>): (field: string) => string {
  const allowed = new Set(fields)
  return (field) => {
    let name = field.replaceAll(/\[[^\]]*\]/g, '')
    while (!allowed.has(name)) {
      const dot = name.lastIndexOf('.')
      if (dot === -1) return otherLabel
      name = name.slice(0, dot)
    }
    return name
  }
}
