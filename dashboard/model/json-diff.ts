/**
 * Two JSON documents lined up side by side: members of objects by name, elements of arrays by equality and then by
 * kind. What is in one document only has an empty place beside it. Pure; used for what the client sent beside what
 * the provider got.
 */

export interface DiffSide {
  /** One line of the pretty document, without indentation. */
  text: string
  /** Path of the value on this line, as in adaptations: `tools[2].name`; empty for the whole. */
  path: string
}

export interface DiffRow {
  kind: 'same' | 'changed' | 'removed' | 'added'
  indent: number
  left: DiffSide | null
  right: DiffSide | null
}

/** How a value stands in its parent: the member's name in front, the comma behind. */
interface Place {
  path: string
  prefix: string
  suffix: string
}

interface Pair {
  left: Place | null
  right: Place | null
  indent: number
}

type JsonObject = Record<string, unknown>

/** Above this many comparisons, array elements are paired by position. */
const maxComparisons = 250_000

/** Throws a RangeError for documents nested deeper than the stack: show those raw. */
export function diffJson(left: unknown, right: unknown): DiffRow[] {
  const rows: DiffRow[] = []
  const top = { path: '', prefix: '', suffix: '' }
  diffValue(rows, left, right, { left: top, right: top, indent: 0 })
  return rows
}

/** One document as rows that are the same on both sides. */
export function listJson(value: unknown): DiffRow[] {
  return diffJson(value, value)
}

function diffValue(rows: DiffRow[], left: unknown, right: unknown, pair: Pair): void {
  if (isObject(left) && isObject(right)) {
    diffObject(rows, left, right, pair)
    return
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    diffArray(rows, left, right, pair)
    return
  }
  if (left === right) {
    pushLine(rows, 'same', JSON.stringify(left), pair)
    return
  }
  const leftLines: DiffRow[] = []
  const rightLines: DiffRow[] = []
  writeValue(leftLines, left, pair.left!, pair.indent, 'removed')
  writeValue(rightLines, right, pair.right!, pair.indent, 'added')
  for (let index = 0; index < Math.max(leftLines.length, rightLines.length); index++) {
    const one = leftLines[index]
    const other = rightLines[index]
    const indent = (one ?? other)!.indent
    rows.push({ kind: 'changed', indent, left: one?.left ?? null, right: other?.right ?? null })
  }
}

function diffObject(rows: DiffRow[], left: JsonObject, right: JsonObject, pair: Pair): void {
  const leftKeys = Object.keys(left)
  const rightKeys = Object.keys(right)
  if (leftKeys.length === 0 && rightKeys.length === 0) {
    pushLine(rows, 'same', '{}', pair)
    return
  }
  pushLine(rows, 'same', '{', pair, '')
  for (const key of mergeKeys(leftKeys, rightKeys)) {
    const inLeft = Object.hasOwn(left, key)
    const inRight = Object.hasOwn(right, key)
    const prefix = `${JSON.stringify(key)}: `
    const leftPlace = inLeft ? placeMember(pair.left!, key, prefix, key !== leftKeys.at(-1)) : null
    const rightPlace = inRight ? placeMember(pair.right!, key, prefix, key !== rightKeys.at(-1)) : null
    diffPlaces(rows, left[key], right[key], { left: leftPlace, right: rightPlace, indent: pair.indent + 1 })
  }
  pushLine(rows, 'same', '}', withoutPrefix(pair))
}

function diffArray(rows: DiffRow[], left: unknown[], right: unknown[], pair: Pair): void {
  if (left.length === 0 && right.length === 0) {
    pushLine(rows, 'same', '[]', pair)
    return
  }
  pushLine(rows, 'same', '[', pair, '')
  for (const [one, other] of alignElements(left, right)) {
    const leftPlace = one === null ? null : placeElement(pair.left!, one, left.length)
    const rightPlace = other === null ? null : placeElement(pair.right!, other, right.length)
    const leftValue = one === null ? undefined : left[one]
    const rightValue = other === null ? undefined : right[other]
    diffPlaces(rows, leftValue, rightValue, { left: leftPlace, right: rightPlace, indent: pair.indent + 1 })
  }
  pushLine(rows, 'same', ']', withoutPrefix(pair))
}

function diffPlaces(rows: DiffRow[], left: unknown, right: unknown, pair: Pair): void {
  if (pair.left && pair.right) diffValue(rows, left, right, pair)
  else if (pair.left) writeValue(rows, left, pair.left, pair.indent, 'removed')
  else if (pair.right) writeValue(rows, right, pair.right, pair.indent, 'added')
}

/** All lines of a value that stands on one side only. */
function writeValue(
  rows: DiffRow[],
  value: unknown,
  place: Place,
  indent: number,
  kind: 'removed' | 'added',
): void {
  const children = Array.isArray(value)
    ? value.map((element, index) => ({ element, place: placeElement(place, index, value.length) }))
    : isObject(value)
      ? Object.entries(value).map(([key, element], index, all) => ({
          element,
          place: placeMember(place, key, `${JSON.stringify(key)}: `, index < all.length - 1),
        }))
      : []
  const pair = (at: Place): Pair =>
    kind === 'removed' ? { left: at, right: null, indent } : { left: null, right: at, indent }
  if (children.length === 0) {
    pushLine(rows, kind, JSON.stringify(value), pair(place))
    return
  }
  const [open, close] = Array.isArray(value) ? '[]' : '{}'
  pushLine(rows, kind, open!, pair({ ...place, suffix: '' }))
  for (const child of children) writeValue(rows, child.element, child.place, indent + 1, kind)
  pushLine(rows, kind, close!, pair({ ...place, prefix: '' }))
}

function pushLine(rows: DiffRow[], kind: DiffRow['kind'], text: string, pair: Pair, suffix?: string): void {
  const line = (place: Place | null): DiffSide | null =>
    place && { text: `${place.prefix}${text}${suffix ?? place.suffix}`, path: place.path }
  rows.push({ kind, indent: pair.indent, left: line(pair.left), right: line(pair.right) })
}

function withoutPrefix(pair: Pair): Pair {
  return {
    left: pair.left && { ...pair.left, prefix: '' },
    right: pair.right && { ...pair.right, prefix: '' },
    indent: pair.indent,
  }
}

function placeMember(parent: Place, key: string, prefix: string, comma: boolean): Place {
  return { path: parent.path === '' ? key : `${parent.path}.${key}`, prefix, suffix: comma ? ',' : '' }
}

function placeElement(parent: Place, index: number, length: number): Place {
  return { path: `${parent.path}[${index}]`, prefix: '', suffix: index < length - 1 ? ',' : '' }
}

/** The left's keys in their order; the right's own ones after the key that they follow there. */
function mergeKeys(left: string[], right: string[]): string[] {
  const known = new Set(left)
  const followers = new Map<string | null, string[]>()
  let previous: string | null = null
  for (const key of right) {
    if (known.has(key)) previous = key
    else followers.set(previous, [...(followers.get(previous) ?? []), key])
  }
  return [...(followers.get(null) ?? []), ...left.flatMap((key) => [key, ...(followers.get(key) ?? [])])]
}

/** Pairs of element indexes, null where one side has none. */
function alignElements(left: unknown[], right: unknown[]): [number | null, number | null][] {
  const leftTexts = left.map((value) => JSON.stringify(value))
  const rightTexts = right.map((value) => JSON.stringify(value))
  const anchors = left.length * right.length > maxComparisons ? [] : findCommon(leftTexts, rightTexts)
  const pairs: [number | null, number | null][] = []
  let fromLeft = 0
  let fromRight = 0
  for (const [one, other] of [...anchors, [left.length, right.length] as const]) {
    pairs.push(...alignGap({ left, right, fromLeft, fromRight, toLeft: one, toRight: other }))
    if (one < left.length && other < right.length) pairs.push([one, other])
    fromLeft = one + 1
    fromRight = other + 1
  }
  return pairs
}

/** Between two equal elements: pair those of the same kind in order, the rest alone. */
function alignGap(gap: {
  left: unknown[]
  right: unknown[]
  fromLeft: number
  fromRight: number
  toLeft: number
  toRight: number
}): [number | null, number | null][] {
  const pairs: [number | null, number | null][] = []
  let other = gap.fromRight
  for (let one = gap.fromLeft; one < gap.toLeft; one++) {
    let match = other
    while (match < gap.toRight && nameKind(gap.left[one]) !== nameKind(gap.right[match])) match++
    if (match === gap.toRight) {
      pairs.push([one, null])
      continue
    }
    while (other < match) pairs.push([null, other++])
    pairs.push([one, other++])
  }
  while (other < gap.toRight) pairs.push([null, other++])
  return pairs
}

/** Elements of one kind may be versions of each other: the same type, role and name. */
function nameKind(value: unknown): string {
  if (!isObject(value)) return Array.isArray(value) ? 'array' : typeof value
  // A message may leave its type out; its role says as much.
  const type = typeof value.role === 'string' ? 'message' : value.type
  return `object ${[type, value.role, value.name, value.call_id].map((part) => String(part ?? '')).join(' ')}`
}

/** Longest common subsequence, as index pairs. */
function findCommon(left: string[], right: string[]): [number, number][] {
  const width = right.length + 1
  const lengths = new Uint32Array((left.length + 1) * width)
  for (let one = left.length - 1; one >= 0; one--) {
    for (let other = right.length - 1; other >= 0; other--) {
      lengths[one * width + other] =
        left[one] === right[other]
          ? lengths[(one + 1) * width + other + 1]! + 1
          : Math.max(lengths[(one + 1) * width + other]!, lengths[one * width + other + 1]!)
    }
  }
  const pairs: [number, number][] = []
  for (let one = 0, other = 0; one < left.length && other < right.length; ) {
    if (left[one] === right[other]) pairs.push([one++, other++])
    else if (lengths[(one + 1) * width + other]! >= lengths[one * width + other + 1]!) one++
    else other++
  }
  return pairs
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
