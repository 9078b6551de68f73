/**
 * `truncation: "auto"` for providers that have none: the oldest turns of an input are left out until the rest fits.
 *
 * What a model said in one go (reasoning, messages, parallel calls) and the outputs of its calls are one piece, which
 * stays or goes whole: half a pair is an error everywhere. A turn is a message of the user with all pieces that began
 * after it. Whole turns go first, the oldest first; then, in the last turn, the oldest pieces, so that a long run of
 * tools can go on. Messages of the system or a developer, the user's last message and the newest piece always stay.
 */
import type { CanonicalRequest, Item } from '../../../translators/shared/canonical.ts'
import { estimateFrame, estimateInputItem } from '../estimate-usage.ts'

export interface Truncation {
  /** The items that stay, in their order; the very same array when all do. */
  items: readonly Item[]
  /** How many were left out. */
  dropped: number
  /** By our estimate. */
  tokens: number
  /** False: `items` is the least that can be sent, and more than the budget. */
  fits: boolean
}

/**
 * Leaves out the oldest turns of a request's input until it comes to `budget` tokens at most, with its instructions and
 * tools. The smaller the budget, the more is left out: never other items instead.
 */
export function truncateInput(request: CanonicalRequest, budget: number): Truncation {
  const items = Array.isArray(request.input) ? request.input : []
  const sizes = items.map(estimateInputItem)
  let tokens = estimateFrame(request) + sizes.reduce((sum, size) => sum + size, 0)
  if (typeof request.input === 'string')
    tokens += estimateInputItem({ type: 'message', content: request.input })
  if (tokens <= budget) return { items, dropped: 0, tokens, fits: true }
  const left = new Set<number>()
  for (const step of listSteps(items)) {
    for (const index of step) {
      left.add(index)
      tokens -= sizes[index] as number
    }
    if (tokens <= budget) break
  }
  return {
    items: items.filter((_, index) => !left.has(index)),
    dropped: left.size,
    tokens,
    fits: tokens <= budget,
  }
}

/** Indexes of items that go together, ascending. */
type Piece = number[]

/** What goes first, second, …: each step is left out whole. */
function listSteps(items: readonly Item[]): Piece[] {
  const question = items.findLastIndex(isUserMessage)
  const newest = items.findLastIndex((item) => !isOfTheSystem(item))
  const stays = (index: number) =>
    index === question || index === newest || isOfTheSystem(items[index] as Item)
  const steps: Piece[] = []
  let turn: Piece = []
  for (const piece of listPieces(items)) {
    const first = piece[0] as number
    if (first > question) turn = []
    if (piece.some(stays)) continue
    if (turn.length === 0 || isUserMessage(items[first] as Item)) {
      turn = []
      steps.push(turn)
    }
    turn.push(...piece)
  }
  return steps
}

function listPieces(items: readonly Item[]): Piece[] {
  const groups = new Groups(items.length)
  const owners = new Map<unknown, number>()
  let compaction: number | null = null
  let speech: number | null = null
  for (const [index, item] of items.entries()) {
    const isSaid = !isGiven(item)
    if (isSaid && speech !== null) groups.join(speech, index)
    speech = isSaid ? index : null
    if (item.type.startsWith('compaction')) compaction = index
    const pair = pairOf(item)
    if (pair === null) continue
    const owner = owners.get(pair)
    if (owner !== undefined) groups.join(owner, index)
    // The call of an output that nothing precedes may be in what was compacted.
    else if (!isSaid && compaction !== null) groups.join(compaction, index)
    owners.set(pair, index)
  }
  return groups.list()
}

/** Disjoint sets of indexes. */
class Groups {
  private readonly parents: number[]

  constructor(size: number) {
    this.parents = Array.from({ length: size }, (_, index) => index)
  }

  join(left: number, right: number): void {
    this.parents[this.find(right)] = this.find(left)
  }

  /** By their first member. */
  list(): Piece[] {
    const pieces = new Map<number, Piece>()
    for (const index of this.parents.keys()) {
      const root = this.find(index)
      const piece = pieces.get(root)
      if (piece === undefined) pieces.set(root, [index])
      else piece.push(index)
    }
    return [...pieces.values()]
  }

  private find(index: number): number {
    let root = index
    while (this.parents[root] !== root) root = this.parents[root] as number
    this.parents[index] = root
    return root
  }
}

/** What makes a call and its output, or a request for approval and its answer, one. */
function pairOf(item: Item): string | null {
  const id =
    item.call_id ?? item.approval_request_id ?? (item.type === 'mcp_approval_request' ? item.id : null)
  return typeof id === 'string' ? id : null
}

/** Not made by the model. */
function isGiven(item: Item): boolean {
  return (
    isUserMessage(item) ||
    isOfTheSystem(item) ||
    item.type.endsWith('_output') ||
    item.type === 'mcp_approval_response'
  )
}

function isUserMessage({ type, role }: Item): boolean {
  return type === 'message' && role === 'user'
}

function isOfTheSystem({ role }: Item): boolean {
  return role === 'system' || role === 'developer'
}
