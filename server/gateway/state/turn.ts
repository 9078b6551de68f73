/**
 * One turn: from what the client asked to what a provider is asked (the whole input, no state), and back to what is
 * kept. A turn on a conversation has it locked until it is committed or released.
 */
import type {
  CanonicalRequest,
  CanonicalResponse,
  Item,
  JsonObject,
} from '../../../translators/shared/canonical.ts'
import { idPrefix } from '../../../translators/shared/ids.ts'
import type { Adaptation } from '../../../translators/shared/translator.ts'
import type { Runtime } from '../../config/runtime.ts'
import type { StateStore } from '../../store/state/state.ts'
import { createId } from '../ids.ts'
import { resolvePrompt, type TemplateSource } from '../prompts.ts'
import { checkModel } from '../validate-request.ts'
import type { ConversationLocks } from './conversation-locks.ts'
import { listSources, needsFitting } from './fit-target.ts'
import {
  checkOutputsHaveCalls,
  conversationId,
  type History,
  type LocalTurns,
  leaveOutHalfCalls,
  readHistory,
  resolveInput,
} from './history.ts'
import type { Sealer } from './seal.ts'

export interface TurnDependencies {
  state: StateStore
  locks: ConversationLocks
  sealer: Sealer
  prompts: TemplateSource
}

export interface TurnOptions {
  runtime: Runtime
  /** As the client sent it: what the response echoes. */
  request: CanonicalRequest
  project: string
  local: LocalTurns | null
  /** Of the response; made here unless a job has it already. */
  responseId: string
  /** Unix milliseconds. */
  createdAt: number
  signal: AbortSignal
  /** The prompt stands in the request's members already: it is only echoed. Default false. */
  isPrompted?: boolean
  /** False: nothing of it is kept, whatever request and configuration say. Default true. */
  keep?: boolean
}

export interface BeginOptions extends TurnOptions {
  /** Milliseconds to wait for another turn on the same conversation; null: for as long as it takes. */
  patience: number | null
}

export interface Turn extends TurnOptions, TurnDependencies {
  /** What a provider is asked, but for what differs from one to the next (fit-target.ts). */
  resolved: CanonicalRequest
  /** Whether the response is kept in the store. */
  store: boolean
  /** The turn's own input, each item with an id; empty when nothing of the turn is kept anywhere. */
  input: Item[]
  conversation: string | null
  makers: History['makers']
  root: History['root']
  sources: ReadonlyMap<string, Item[]>
  /** Whether the input holds what only its maker can read. */
  bound: boolean
  adaptations: Adaptation[]
  /** Sealed content of output items that the client is not shown, by the item's id. */
  hidden: Map<string, string>
  /** Members of the response object that the gateway says. */
  echo: Partial<CanonicalResponse>
  /** Lets the next turn have the conversation, once this one does not hold it any more. */
  leave: () => void
}

/** Whether a response is kept: as the request says, else its project, else the configuration. */
export function isStored(runtime: Runtime, project: string, { store }: CanonicalRequest): boolean {
  return store ?? runtime.projects.get(project)?.store ?? runtime.state.store
}

/** When what is made now expires, in Unix milliseconds; null: never. */
export function expiryOf(runtime: Runtime, project: string, createdAt: number): number | null {
  const known = runtime.projects.get(project)
  const days = runtime.state.retentionDays
  const age = known !== undefined ? known.retentionMs : days === 0 ? null : days * 86_400_000
  return age === null ? null : createdAt + age
}

/** @throws GatewayError for whatever the request continues and that is not there, and `conversation_locked` (409). */
export async function beginTurn(
  dependencies: TurnDependencies,
  { patience, ...options }: BeginOptions,
): Promise<Turn> {
  const turn = startTurn(dependencies, options)
  const { conversation, locks, project, responseId: holder, signal } = turn
  if (conversation !== null)
    turn.leave = await locks.lock({ project, id: conversation, holder, patience, signal })
  try {
    await resolveTurn(turn)
    return turn
  } catch (error) {
    await releaseTurn(turn)
    throw error
  }
}

/** The same without the lock, for what is run later or not at all. */
export async function previewTurn(dependencies: TurnDependencies, options: TurnOptions): Promise<Turn> {
  const turn = startTurn(dependencies, options)
  await resolveTurn(turn)
  return turn
}

function startTurn({ state, locks, sealer, prompts }: TurnDependencies, options: TurnOptions): Turn {
  const { runtime, project, request, keep = true } = options
  const store = keep && isStored(runtime, project, request)
  const conversation = conversationId(request)
  const echo: Partial<CanonicalResponse> = { store, background: request.background === true }
  if (conversation !== null) echo.conversation = { id: conversation }
  return {
    ...options,
    state,
    locks,
    sealer,
    prompts,
    resolved: request,
    store,
    input: [],
    conversation,
    makers: new Map(),
    root: null,
    sources: new Map(),
    bound: false,
    adaptations: [],
    hidden: new Map(),
    echo,
    leave: () => {},
  }
}

/** Gives the conversation to other turns, when its lock did not go with the commit already. */
export async function releaseTurn({ locks, project, conversation, responseId, leave }: Turn): Promise<void> {
  if (conversation !== null) await locks.unlock({ project, id: conversation, holder: responseId })
  leave()
}

async function resolveTurn(turn: Turn): Promise<void> {
  const prompted = applyPrompt(turn)
  const { input } = prompted
  const scope = { state: turn.state, local: turn.local, project: turn.project, request: turn.request }
  const continues = turn.request.previous_response_id != null || turn.conversation !== null
  const hasReferences = Array.isArray(input) && input.some(({ type }) => type === 'item_reference')
  if (keepsItems(turn)) turn.input = withIds(input)
  let whole: CanonicalRequest['input'] = input
  if (continues || hasReferences) {
    const history = continues ? await readHistory(scope) : { items: [], makers: turn.makers, root: null }
    turn.makers = history.makers
    turn.root = history.root
    const own = await resolveInput(scope, history, itemsOf(input))
    checkOutputsHaveCalls(history.items, own)
    whole = leaveOutHalfCalls([...history.items, ...withoutRepeats(history.items, own)])
    if (turn.input.length > 0) turn.input = asKeptItems(turn, history.items, own)
  }
  if (turn.request.previous_response_id != null) noteEmulated(turn, 'previous_response_id')
  if (turn.conversation !== null) noteEmulated(turn, 'conversation')
  if (hasReferences) noteEmulated(turn, 'input.item_reference')
  turn.resolved = withoutState(prompted, whole)
  turn.bound = needsFitting(whole)
  if (turn.bound) turn.sources = await readSources(turn)
}

/** Whether the turn's items are kept anywhere: in the store, with the connection, or in a conversation. */
export function keepsItems({ store, local, conversation }: Turn): boolean {
  return store || local !== null || conversation !== null
}

/** The input without references to what is in the context anyway: a call that stands in it twice is refused or run again. */
function withoutRepeats(earlier: readonly Item[], own: readonly Item[]): Item[] {
  const told = new Set(earlier)
  return own.filter((item) => !told.has(item) && told.add(item))
}

/** What its prompt adds to the request. */
function applyPrompt(turn: Turn): CanonicalRequest {
  const { request, prompts, runtime } = turn
  const { prompt } = request
  if (!prompt) return request
  if (turn.isPrompted === true) {
    const { prompt: _prompt, ...prompted } = request
    noteEmulated(turn, 'prompt')
    return prompted as CanonicalRequest
  }
  if (runtime.state.passPrompts && prompts.find(prompt.id, null) === null) {
    checkModel(request.model)
    return request
  }
  const prompted = resolvePrompt(request, prompts.find)
  noteEmulated(turn, 'prompt')
  turn.request = { ...prompted, input: request.input, prompt }
  return prompted
}

function noteEmulated(turn: Turn, field: string): void {
  turn.adaptations.push({ field, action: 'emulated', detail: '' })
}

/** A request that no provider needs a memory for. */
function withoutState(request: CanonicalRequest, input: CanonicalRequest['input']): CanonicalRequest {
  const isPlain =
    input === request.input &&
    request.previous_response_id == null &&
    request.conversation == null &&
    request.background == null
  if (isPlain) return request
  const {
    previous_response_id: _previous,
    conversation: _conversation,
    background: _background,
    ...rest
  } = request
  return { ...rest, input } as CanonicalRequest
}

async function readSources(turn: Turn): Promise<ReadonlyMap<string, Item[]>> {
  await turn.sealer.learn(turn.resolved.input)
  const ids = [...new Set(listSources(turn.resolved.input, turn))]
  const found = await Promise.all(ids.map((id) => turn.state.getResponse(turn.project, id)))
  return new Map(found.flatMap((source) => (source === null ? [] : [[source.id, source.input]])))
}

/** Items of an input; a string is one message of the user. */
export function itemsOf(input: CanonicalRequest['input']): Item[] {
  if (typeof input === 'string')
    return input === ''
      ? []
      : [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: input }] }]
  return input ?? []
}

/** Kinds of items that have a status whenever they are listed; the other ones have it when it was sent. */
const kindsWithStatus = new Set(['message', 'function_call', 'function_call_output', 'reasoning'])

/** Items of an input, each with an id of its own, and with a status where the kind has one. */
export function withIds(input: CanonicalRequest['input']): Item[] {
  const taken = new Set<string>()
  return itemsOf(input).map((item) => {
    if (item.type === 'item_reference') return item
    const sent = typeof item.id === 'string' && item.id !== '' && !taken.has(item.id) ? item.id : null
    const id = sent ?? createId(idPrefix(item.type))
    taken.add(id)
    const whole: Item = { ...item, id }
    if (kindsWithStatus.has(item.type)) whole.status = item.status ?? 'completed'
    return whole
  })
}

/**
 * The turn's own input as it is kept: without references to what is in the context anyway, and no id a second time, by
 * which lists are walked. A conversation holds the items that references mean, which may be deleted where they stand.
 */
function asKeptItems(turn: Turn, earlier: readonly Item[], own: readonly Item[]): Item[] {
  const added = new Set(withoutRepeats(earlier, own))
  const taken = new Set(earlier.map(({ id }) => id))
  const kept: Item[] = []
  for (const [index, sent] of turn.input.entries()) {
    const meant = own[index] as Item
    const isReference = sent.type === 'item_reference'
    if (isReference && !added.delete(meant)) continue
    const item = isReference && turn.conversation !== null ? meant : sent
    const isTaken = item.type !== 'item_reference' && taken.has(item.id)
    const one = isTaken ? { ...item, id: createId(idPrefix(item.type)) } : item
    taken.add(one.id)
    const maker = turn.makers.get(meant)
    if (maker !== undefined) turn.makers.set(one, maker)
    kept.push(one)
  }
  return kept
}

/** The output as it is kept: with the sealed content that the client was not shown. */
export function keptOutput({ hidden }: Turn, output: readonly Item[]): readonly Item[] {
  if (hidden.size === 0) return output
  return output.map((item) => {
    const sealed = typeof item.id === 'string' ? hidden.get(item.id) : undefined
    return sealed === undefined ? item : { ...item, encrypted_content: sealed }
  })
}

/** A response object without what stands elsewhere. */
export function bodyOf(final: CanonicalResponse): string {
  const { output_text: _text, ...rest } = final as JsonObject
  return JSON.stringify({ ...rest, output: [] })
}
