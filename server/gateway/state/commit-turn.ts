/** What is kept of a turn, in one transaction, before the client sees the end of it. */
import type { CanonicalResponse, Item } from '../../../translators/shared/canonical.ts'
import type { ConversationItem, IdempotentAnswer, TurnCommit } from '../../store/state/state.ts'
import type { Transcript } from '../sink.ts'
import { continuedOutput } from './history.ts'
import type { ClaimedKey } from './idempotency.ts'
import { bodyOf, expiryOf, keptOutput, type Turn } from './turn.ts'

export interface CommitOptions {
  final: CanonicalResponse
  /** Who made the output; null when nobody did. */
  provider: string | null
  streamed: boolean
  isJob: boolean
  claim: ClaimedKey | null
  /** Called when it is needed. */
  transcript(): Transcript
}

/** `unkept`: nothing was to be kept in the store. `superseded`: a job that had ended otherwise. `failed`: the store refused. */
export type CommitOutcome = 'committed' | 'unkept' | 'superseded' | 'failed'

/** Rejects with StoreError. */
export async function commitTurn(turn: Turn, options: CommitOptions): Promise<CommitOutcome> {
  const { final, claim } = options
  const output = keptOutput(turn, final.output)
  rememberLocally(turn, output, options)
  // A failure does not use up the key: the same call may do better.
  const answers = claim !== null && final.status !== 'failed' && final.status !== 'cancelled'
  if (!turn.store && turn.conversation === null && !answers) return 'unkept'
  const transcript = turn.store || answers ? options.transcript() : null
  const outcome = await turn.state.commitTurn({
    ...textsOf(turn, output, options),
    keep: turn.store,
    id: turn.responseId,
    project: turn.project,
    kind: 'response',
    createdAt: turn.createdAt,
    expiresAt: expiryOf(turn.runtime, turn.project, turn.createdAt),
    previousId: turn.request.previous_response_id ?? null,
    conversation: turn.conversation,
    status: final.status,
    background: turn.request.background === true,
    streamed: options.streamed,
    model: final.model,
    provider: options.provider,
    include: turn.request.include ?? [],
    events: turn.store ? (transcript?.events ?? null) : null,
    idempotency: answers && transcript !== null ? { key: claim.key, answer: transcript.answer } : null,
  })
  if (outcome === 'committed') {
    // The lock went with the commit.
    turn.conversation = null
    if (answers) claim.complete()
  }
  return outcome
}

export interface CompactionCommit {
  /** What the compaction stands for, as any provider reads it; each with an id. */
  source: readonly Item[]
  output: readonly Item[]
  /** The resource with `"output":[]`. */
  body: string
  /** Whose own the compaction is; null: everybody's. */
  provider: string | null
  claim: ClaimedKey | null
  answer: IdempotentAnswer
}

/** Keeps a compaction with what it was made from. Rejects with StoreError. */
export async function keepCompaction(turn: Turn, commit: CompactionCommit): Promise<void> {
  const { source, output, body, provider, claim, answer } = commit
  await turn.state.commitTurn({
    keep: true,
    id: turn.responseId,
    project: turn.project,
    kind: 'compaction',
    createdAt: turn.createdAt,
    expiresAt: expiryOf(turn.runtime, turn.project, turn.createdAt),
    // The source is whole.
    previousId: null,
    conversation: null,
    status: 'completed',
    background: false,
    streamed: false,
    model: turn.request.model,
    provider,
    include: [],
    input: JSON.stringify(source),
    output: JSON.stringify(output),
    body,
    inputIds: idsOf(source),
    outputIds: idsOf(output),
    events: null,
    conversationItems: null,
    idempotency: claim === null ? null : { key: claim.key, answer },
  })
  claim?.complete()
}

/** The same texts serve the response and its conversation. */
function textsOf(
  turn: Turn,
  output: readonly Item[],
  { final, provider }: CommitOptions,
): Pick<TurnCommit, 'input' | 'output' | 'body' | 'inputIds' | 'outputIds' | 'conversationItems'> {
  const inputs = turn.input.map((item) => toText(item, turn.makers.get(item) ?? null))
  const outputs = output.map((item) => toText(item, provider))
  const continued = new Set(continuedOutput({ output: [...output], status: final.status }))
  const goesOn = outputs.filter((_, index) => continued.has(output[index] as Item))
  return {
    input: joinTexts(inputs),
    output: joinTexts(outputs),
    body: turn.store ? bodyOf(final) : '',
    inputIds: idsOf(turn.input),
    outputIds: idsOf(output),
    conversationItems: turn.conversation === null ? null : [...inputs, ...goesOn],
  }
}

function toText(item: Item, provider: string | null): ConversationItem {
  return { id: String(item.id), text: JSON.stringify(item), provider }
}

function joinTexts(items: readonly ConversationItem[]): string {
  let text = '['
  for (const item of items) text += text.length === 1 ? item.text : `,${item.text}`
  return `${text}]`
}

/** A reference is no item of its own. */
export function idsOf(items: readonly Item[]): string[] {
  return items.map(({ type, id }) => (type === 'item_reference' || id === undefined ? '' : id))
}

/** Also what is stored is remembered when it builds on what is not: only the connection has the chain whole. */
function rememberLocally(turn: Turn, output: readonly Item[], { final, provider }: CommitOptions): void {
  const previousId = turn.request.previous_response_id ?? null
  const isLocal = !turn.store || (previousId !== null && turn.local?.get(previousId) != null)
  if (turn.local === null || !isLocal) return
  if (final.status !== 'completed' && final.status !== 'incomplete') return
  turn.local.put({
    id: turn.responseId,
    previousId,
    provider,
    status: final.status,
    input: turn.input,
    output: [...output],
    expiresAt: null,
    bytes: 0,
  })
}
