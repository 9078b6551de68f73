/** What is wrong with a configuration: every problem at once, each with its path and the fix. */

/** One mistake. `path` is written as one would in JavaScript: `providers.sail.baseUrl`, `models["org/name"].targets[0]`. */
export interface ConfigProblem {
  path: string
  /** What is wrong and how to mend it; never a secret. */
  message: string
}

export type PathSegment = string | number

/** The configuration or the command line cannot be used. The message lists every problem. */
export class ConfigError extends Error {
  readonly source: string
  readonly problems: readonly ConfigProblem[]

  /** @param source where the configuration came from: a path, `sandbox` or `command line`. */
  constructor(source: string, problems: readonly ConfigProblem[]) {
    const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`
    const lines = problems.map(({ path, message }) => `  ${path === '' ? '' : `${path}: `}${message}`)
    super(`${source} has ${count}:\n${lines.join('\n')}`)
    this.name = 'ConfigError'
    this.source = source
    this.problems = problems
  }
}

/** Collects problems while a configuration is read; nothing is thrown before all of it has been looked at. */
export class ProblemList {
  readonly items: ConfigProblem[] = []

  add(segments: readonly PathSegment[], message: string): void {
    this.items.push({ path: formatPath(segments), message })
  }

  /** Whether something is wrong at this path or below it. */
  has(segments: readonly PathSegment[]): boolean {
    const path = formatPath(segments)
    return this.items.some(
      (item) => item.path.startsWith(path) && !/^[\w$-]/.test(item.path.slice(path.length)),
    )
  }
}

/** `['models', 'a/b', 'targets', 0]` → `models["a/b"].targets[0]`. */
export function formatPath(segments: readonly PathSegment[]): string {
  let path = ''
  for (const segment of segments) {
    if (typeof segment === 'number') path += `[${segment}]`
    else if (/^[A-Za-z_$][\w$-]*$/.test(segment)) path += path === '' ? segment : `.${segment}`
    else path += `[${JSON.stringify(segment)}]`
  }
  return path
}

/**
 * The known name that was most likely meant, or null when none is near.
 * Case, `_` and `-` do not count, so `base_url` finds `baseUrl`.
 */
export function findNearestName(name: string, known: readonly string[]): string | null {
  const wanted = simplifyName(name)
  let nearest: string | null = null
  let best = Number.POSITIVE_INFINITY
  for (const candidate of known) {
    const distance = measureDistance(wanted, simplifyName(candidate))
    if (distance < best) {
      best = distance
      nearest = candidate
    }
  }
  return best <= Math.ceil(wanted.length / 3) ? nearest : null
}

/** `; did you mean "x"? Known: "x", "y"`, to be put after what is wrong. */
export function suggestName(name: string, known: readonly string[]): string {
  if (known.length === 0) return '; none is known here'
  const nearest = findNearestName(name, known)
  const list = known.map((each) => JSON.stringify(each)).join(', ')
  return nearest === null ? `; known: ${list}` : `; did you mean ${JSON.stringify(nearest)}? Known: ${list}`
}

function simplifyName(name: string): string {
  return name.toLowerCase().replaceAll(/[_-]/g, '')
}

/** Levenshtein distance, over strings that are cut at 64 characters. */
function measureDistance(left: string, right: string): number {
  const a = left.slice(0, 64)
  const b = right.slice(0, 64)
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const substitution = previous[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1)
      current.push(Math.min(previous[column]! + 1, current[column - 1]! + 1, substitution))
    }
    previous = current
  }
  return previous[b.length]!
}
