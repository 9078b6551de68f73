/**
 * Regular expressions out of clients' schemas. V8's engine backtracks, so one pattern with one text can stop the
 * process for hours: a pattern is matched only where a bound of its cost can be told by looking at it.
 */

/** Steps that one match may take at worst. */
const maxSteps = 20_000_000
const maxPatternLength = 1000
const maxCached = 500

/** Worst case of a match against `n` characters: `factor × n ** power`. */
interface Cost {
  factor: number
  power: number
}

interface Pattern {
  expression: RegExp
  cost: Cost
}

const cache = new Map<string, Pattern | null>()

/** @returns null when it cannot be told within bounds (or by this engine) whether the text matches. */
export function matchPattern(source: string, text: string): boolean | null {
  let pattern = cache.get(source)
  if (pattern === undefined) {
    if (cache.size >= maxCached) cache.clear()
    pattern = compilePattern(source)
    cache.set(source, pattern)
  }
  if (pattern === null) return null
  const { factor, power } = pattern.cost
  return factor * Math.max(1, text.length) ** power <= maxSteps ? pattern.expression.test(text) : null
}

function compilePattern(source: string): Pattern | null {
  if (source.length > maxPatternLength) return null
  const cost = estimateCost(source)
  if (cost === null) return null
  for (const flags of ['u', '']) {
    try {
      return { expression: new RegExp(source, flags), cost }
    } catch {
      // JSON Schema wants the `u` flag; many patterns in use are valid only without it, and some not at all.
    }
  }
  return null
}

interface Group {
  alternatives: number
  /** Holds a quantifier or an alternation, so repeating it multiplies the ways to match. */
  varies: boolean
}

const quantifier = /[*+?]\??|\{(\d+)(?:(,)(\d*))?\}\??/y
const escaped = /\\(?:u\{[^}]*\}|[pP]\{[^}]*\}|.)/sy
const characterClass = /\[(?:\\.|[^\]\\])*\]/sy
const opening = /\((?:\?:|\?<[A-Za-z]\w*>|(?!\?))/y

function matchAt(expression: RegExp, source: string, index: number): RegExpExecArray | null {
  expression.lastIndex = index
  return expression.exec(source)
}

/** @returns null for what has no such bound: repeated groups that vary inside, look-around, back-references. */
function estimateCost(source: string): Cost | null {
  const cost: Cost = { factor: 1, power: source.startsWith('^') ? 0 : 1 }
  const groups: Group[] = [{ alternatives: 1, varies: false }]
  let index = 0
  while (index < source.length) {
    const group = groups.at(-1) as Group
    let closed: Group | undefined
    if (source[index] === '(') {
      const open = matchAt(opening, source, index)
      if (open === null) return null
      groups.push({ alternatives: 1, varies: false })
      index += open[0].length
      continue
    }
    if (source[index] === '|') {
      group.alternatives += 1
      group.varies = true
      index += 1
      // `^` holds for the first alternative only.
      if (groups.length === 1) cost.power = Math.max(cost.power, 1)
      continue
    }
    if (source[index] === ')') {
      closed = groups.pop()
      if (groups.length === 0 || closed === undefined) return null
      cost.factor *= closed.alternatives
      if (closed.varies) (groups.at(-1) as Group).varies = true
      index += 1
    } else {
      const atom = matchAt(escaped, source, index) ?? matchAt(characterClass, source, index)
      if (atom !== null && /^\\[1-9k]/.test(atom[0])) return null
      index += atom?.[0].length ?? 1
    }
    const repeat = matchAt(quantifier, source, index)
    if (repeat === null) continue
    index += repeat[0].length
    if (!addRepeat(repeat, closed?.varies ?? false, cost)) return null
    if (repeat[2] !== undefined || repeat[1] === undefined) (groups.at(-1) as Group).varies = true
  }
  cost.factor *= groups[0]?.alternatives ?? 1
  return groups.length === 1 ? cost : null
}

function addRepeat([text, minimum, comma]: RegExpExecArray, varies: boolean, cost: Cost): boolean {
  if (text.startsWith('?')) {
    cost.factor *= 2
    return true
  }
  if (varies) return false
  if (minimum === undefined || comma !== undefined) cost.power += 1
  else cost.factor *= Math.max(1, Number(minimum))
  return true
}
