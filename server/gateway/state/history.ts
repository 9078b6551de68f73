/** What a turn continues: the items of its chain or conversation, and those that its input refers to. */
import { setTimeout as pause } from 'node:timers/promises'
import { type CanonicalRequest, type Item, isToolCallItem } from '../../../translators/shared/canonical.ts'
import { GatewayError } from '../../errors.ts'
import type { FoundItem, StateStore, StoredTurn } from '../../store/state/state.ts'

/** Turns that live with a connection and not in the store: those of a WebSocket with `store: false`. */
export interface LocalTurns {
  get(id: string): StoredTurn | null
  findItem(id: string): FoundItem | null
  put(turn: StoredTurn): void
}

export interface HistoryOptions {
  state: StateStore
  local: LocalTurns | null
  project: string
  request: CanonicalRequest
}

/** Earlier items and who made them. The items belong to the store's cache: they are only read. */
export interface History {
  items: Item[]
  /** Items that only the provider that made them can read again. */
  makers: Map<Item, string>
  /** The first response of the chain; null without one. */
  root: string | null
}

/** Whether an item may hold what only its maker understands. */
export function isBoundToMaker({ type, encrypted_content: encrypted }: Item): boolean {
  return type === 'reasoning' || typeof encrypted === 'string'
}

/**
 * The items before the request's own input, in order.
 * @throws GatewayError `previous_response_not_found` (400), `conversation_not_found` (404), `invalid_request` (400)
 */
export async function readHistory(options: HistoryOptions): Promise<History> {
  const { previous_response_id: previous } = options.request
  const conversation = conversationId(options.request)
  const history: History = { items: [], makers: new Map(), root: null }
  if (typeof previous === 'string') {
    const turns = await readTurns(options, previous)
    for (const turn of turns) addTurn(history, turn)
    history.root = turns[0]?.id ?? null
  }
  if (conversation !== null) {
    const found = await options.state.readConversation(options.project, conversation)
    if (found === null) throw conversationNotFound(conversation)
    for (const item of found) addFound(history, item)
  }
  history.items = await resolveReferences(options, history, history.items, refuseBrokenReference)
  return history
}

/** The id of the conversation that the request runs on. */
export function conversationId({ conversation }: CanonicalRequest): string | null {
  return typeof conversation === 'string' ? conversation : (conversation?.id ?? null)
}

/** The input with the items that its references mean; the same array when there are none. */
export async function resolveInput(
  options: HistoryOptions,
  history: History,
  input: readonly Item[],
): Promise<Item[]> {
  return resolveReferences(options, history, input, (id, index) => {
    throw new GatewayError(
      'invalid_request',
      `No item with the id '${id.slice(0, 80)}' is kept. Send the item itself, or leave it out.`,
      { param: `input[${index}].id`, code: 'item_not_found' },
    )
  })
}

/**
 * The items without calls that were cut off and have no output: half their arguments are no JSON, and providers take no
 * call that nobody answered, so that the chain or conversation could never go on.
 */
export function leaveOutHalfCalls(items: Item[]): Item[] {
  if (!items.some(isHalfCall)) return items
  const answered = new Set<unknown>()
  for (const { type, call_id: callId } of items) if (type.endsWith('_output')) answered.add(callId)
  return items.filter((item) => !isHalfCall(item) || answered.has(item.call_id))
}

function isHalfCall({ type, status }: Item): boolean {
  return status === 'incomplete' && (type === 'function_call' || type === 'custom_tool_call')
}

const outputsOfCalls = ['function_call_output', 'custom_tool_call_output']

/** @throws GatewayError 400 for an output whose call is nowhere in the context. */
export function checkOutputsHaveCalls(earlier: readonly Item[], input: readonly Item[]): void {
  if (!input.some(({ type }) => outputsOfCalls.includes(type))) return
  const calls = new Set<unknown>()
  for (const item of [...earlier, ...input]) {
    // What was compacted may hold the call.
    if (item.type.startsWith('compaction')) return
    if (isToolCallItem(item.type)) calls.add(item.call_id)
  }
  for (const [index, item] of input.entries()) {
    if (!outputsOfCalls.includes(item.type) || typeof item.call_id !== 'string' || calls.has(item.call_id))
      continue
    throw new GatewayError(
      'invalid_request',
      `No tool call found for the ${item.type} with call_id '${item.call_id.slice(0, 80)}': it is neither in the earlier turns nor in the input.`,
      { param: `input[${index}].call_id` },
    )
  }
}

export function conversationNotFound(id: string): GatewayError {
  return new GatewayError(
    'conversation_not_found',
    `There is no conversation with the id '${id.slice(0, 80)}'. Create one with POST /v1/conversations.`,
    { param: 'conversation' },
  )
}

async function readTurns({ state, local, project }: HistoryOptions, id: string): Promise<StoredTurn[]> {
  const turns: StoredTurn[] = []
  let next: string | null = id
  for (
    let turn = local?.get(id) ?? null;
    turn !== null;
    turn = next === null ? null : (local?.get(next) ?? null)
  ) {
    turns.unshift(turn)
    next = turn.previousId
  }
  if (next === null) return turns
  const chain = await state.readChain(project, next)
  if (chain.kind === 'found') return [...chain.turns, ...turns]
  if (chain.kind === 'running')
    throw new GatewayError(
      'invalid_request',
      'The response in previous_response_id is still running. Wait until it has ended, or cancel it.',
      { param: 'previous_response_id', code: 'previous_response_not_finished' },
    )
  throw new GatewayError(
    'previous_response_not_found',
    `Previous response with id '${id.slice(0, 80)}' not found. It may have expired or been deleted, or was not stored: send the earlier items in input.`,
    { param: 'previous_response_id' },
  )
}

function addTurn(history: History, turn: StoredTurn): void {
  for (const item of continuedInput(turn)) history.items.push(item)
  for (const item of continuedOutput(turn)) addFound(history, { item, provider: turn.provider })
}

/**
 * The input of a turn that later turns go on from: none of a compaction, whose output stands for it. It is known by the
 * messages of the user in its output, which no response has.
 */
export function continuedInput({ input, output }: StoredTurn): Item[] {
  const isOfUser = ({ type, role }: Item) => type === 'message' && role === 'user'
  return output.at(-1)?.type === 'compaction' && output.some(isOfUser) ? [] : input
}

/** The output of a turn that later turns go on from. */
export function continuedOutput({ output, status }: Pick<StoredTurn, 'output' | 'status'>): Item[] {
  if (status !== 'failed' && status !== 'cancelled') return output
  // Half a call has no output that could follow it, and half a thought is nobody's.
  return output.filter((item) => item.status === 'completed' && !isToolCallItem(item.type))
}

function addFound(history: History, { item, provider }: FoundItem): void {
  history.items.push(item)
  if (provider !== null && isBoundToMaker(item)) history.makers.set(item, provider)
}

async function resolveReferences(
  { state, local, project }: HistoryOptions,
  history: History,
  items: readonly Item[],
  onMissing: (id: string, index: number) => never,
): Promise<Item[]> {
  const ids = items.filter(({ type }) => type === 'item_reference').map(({ id }) => String(id))
  if (ids.length === 0) return items as Item[]
  const known = new Map<unknown, Item>()
  for (const item of history.items) if (item.type !== 'item_reference') known.set(item.id, item)
  const unknown = new Set(ids.filter((id) => !known.has(id) && !local?.findItem(id)))
  const found = await findItems(state, project, [...unknown])
  return items.map((item, index) => {
    if (item.type !== 'item_reference') return item
    const id = String(item.id)
    const near = known.get(id)
    if (near !== undefined) return near
    const far = local?.findItem(id) ?? found.get(id)
    if (!far || far.item.type === 'item_reference') return onMissing(id, index)
    if (far.provider !== null && isBoundToMaker(far.item)) history.makers.set(far.item, far.provider)
    return far.item
  })
}

/**
 * Milliseconds between the looks for unknown items: a stream that its client has left just now is kept a moment later. A
 * gateway that is busy may hear of the new request first.
 */
const settlePauses = [50, 150, 400]

/** Ids that are looked for at once, other reads coming in between: at first, how it grows once all were found, at most. */
const firstFind = 200
const findGrowth = 4
const largestFind = 5000

/** The items with these ids, each once, up to where one is missing: a request may name very many that nobody has. */
async function findItems(
  state: HistoryOptions['state'],
  project: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, FoundItem>> {
  const found = new Map<string, FoundItem>()
  async function find(some: readonly string[]): Promise<boolean> {
    for (const wait of [0, ...settlePauses]) {
      if (wait > 0) await pause(wait)
      for (const [id, item] of await state.findItems(project, some)) found.set(id, item)
      if (some.every((id) => found.has(id))) return true
    }
    return false
  }
  let step = firstFind
  for (let start = 0; start < ids.length; start += step, step = Math.min(step * findGrowth, largestFind)) {
    const some = ids.slice(start, start + step)
    if (!(await find(some))) break
  }
  return found
}

function refuseBrokenReference(id: string): never {
  throw new GatewayError(
    'previous_response_not_found',
    `An earlier turn refers to the item '${id.slice(0, 80)}', which has been deleted. Send the earlier items in input.`,
    { param: 'previous_response_id' },
  )
}
