/**
 * `POST /v1/responses/compact`: a context as its messages of the user and one item that stands for everything else.
 *
 * A provider that compacts by itself is asked to. Its item is for itself alone, so what it was made from is kept, for
 * the day on which another provider goes on from it. For all others the model is asked for a summary, which the item
 * holds: that any model can read.
 */
import type { CanonicalRequest, Item, Usage } from '../../translators/shared/canonical.ts'
import { idPrefix } from '../../translators/shared/ids.ts'
import type { Adaptation, CompactRoute } from '../../translators/shared/translator.ts'
import { toContractUsage } from '../../translators/shared/usage.ts'
import { GatewayError } from '../errors.ts'
import type { IdempotentAnswer } from '../store/state/state.ts'
import { renderAdaptations, renderAnswerHead } from './answer-head.ts'
import { idsOf } from './attempt-life.ts'
import { callRoute, type RouteResult } from './call-route.ts'
import type { Candidate } from './candidates.ts'
import { createId } from './ids.ts'
import type { Gateway } from './respond.ts'
import { beginSide, pickRequest, type SideOptions, type SideWork } from './side-request.ts'
import { keepCompaction } from './state/commit-turn.ts'
import { fitToTarget, openForAll } from './state/fit-target.ts'
import type { Sealed } from './state/seal.ts'
import { viewItem } from './state/stored-view.ts'
import { carryWaiting, sealableSummary, wordsOfUser } from './state/summary.ts'
import { itemsOf, withIds } from './state/turn.ts'
import { summarize } from './summarize.ts'
import type { GatewayDependencies } from './work.ts'

const members = [
  'model',
  'input',
  'previous_response_id',
  'instructions',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'service_tier',
  'store',
]

/** @throws GatewayError `invalid_request` naming `param`. */
export function readCompactRequest(body: unknown): CanonicalRequest {
  return pickRequest(body, members)
}

interface Compacted {
  output: Item[]
  usage: Usage | null
  /** Whose the item is; null: everybody's. */
  provider: string | null
  headers: Record<string, string>
}

/** @throws GatewayError when nothing could be compacted. */
export async function compactContext(
  gateway: Gateway,
  dependencies: GatewayDependencies,
  options: SideOptions,
): Promise<IdempotentAnswer> {
  const work = await beginSide(dependencies, options)
  if (itemsOf(work.turn.resolved.input).length === 0)
    throw new GatewayError(
      'invalid_request',
      'There is nothing to compact: send input or previous_response_id.',
      {
        param: 'input',
      },
    )
  return (await compactNatively(work)) ?? compactBySummary(gateway, work)
}

/** Null where no target can, or where what the item stands for cannot be kept. */
async function compactNatively(work: SideWork): Promise<IdempotentAnswer | null> {
  if (!work.turn.store) return null
  for (const candidate of work.candidates) {
    const { compact } = candidate.provider.translator
    // Targets are taken in their order: one that can write a summary goes before a later one that compacts.
    if (compact === undefined) return null
    const found = await compactAt(work, candidate, compact)
    if (found === null) continue
    const { exchange } = work
    const adaptations = [...exchange.adaptations, ...found.adaptations]
    const headers = renderAnswerHead(candidate, adaptations)
    const answer = await conclude(work, { ...found, provider: candidate.provider.id, headers })
    if (answer !== null) exchange.adaptations = adaptations
    return answer
  }
  return null
}

/** Null where the provider did not do it. */
async function compactAt(
  work: SideWork,
  candidate: Candidate,
  route: CompactRoute,
): Promise<(Pick<Compacted, 'output' | 'usage'> & { adaptations: Adaptation[] }) | null> {
  const { dependencies, runtime, exchange, turn, signal } = work
  const { resolved: request, makers, sources, project } = turn
  const fitted = fitToTarget({ request, makers, sources, sealer: dependencies.sealer, project, candidate })
  const sent = fitted.ok ? route.request(fitted.request, candidate.target) : fitted
  if (!sent.ok) return null
  const outcome = await callRoute({
    dependencies,
    runtime,
    exchange,
    candidate,
    sent,
    hasFallback: true,
    signal,
    read: (body) => readCompacted(route, body),
    estimate: (output) => ({ request: turn.resolved, output }),
  })
  if (!outcome.ok) return null
  return {
    output: ownItems(work, candidate, outcome.value),
    usage: exchange.usage,
    adaptations: sent.adaptations,
  }
}

function readCompacted({ read }: CompactRoute, body: unknown): RouteResult<Item[]> {
  const told = read(body)
  return told.ok ? { ok: true, value: told.output, usage: told.usage } : told
}

/** The messages of the user as they were given, then the provider's items, sealed, under the gateway's ids. */
function ownItems(work: SideWork, { provider }: Candidate, told: readonly Item[]): Item[] {
  const { dependencies, turn } = work
  const { sealer } = dependencies
  const { project, responseId: source } = turn
  const carried = carryWaiting(readContext(work))
  const items = told.flatMap((item) => {
    // Some of them may have come from an earlier compaction, which the new one stands for as well.
    if (wordsOfUser(item) !== null) return []
    const own = viewItem({ ...item, id: createId(idPrefix(item.type)) }, true)
    const { encrypted_content: content } = own
    if (typeof content !== 'string') return [own]
    const bound = { provider: provider.id, content }
    const sealed: Sealed =
      item.type === 'compaction'
        ? { kind: 'compaction', ...bound, source, ...carried }
        : { kind: 'content', ...bound }
    return [{ ...own, encrypted_content: sealer.seal(project, sealed) }]
  })
  return [...listUserMessages(turn.resolved), ...items]
}

async function compactBySummary(gateway: Gateway, work: SideWork): Promise<IdempotentAnswer> {
  const { exchange, turn, dependencies } = work
  exchange.adaptations.push(emulated('a summary by the model'))
  const { text, response, head } = await summarize(gateway, work)
  if (response.status === 'incomplete') exchange.adaptations.push(emulated('the summary was cut'))
  const summary = sealableSummary(text, readContext(work))
  const encrypted_content = dependencies.sealer.seal(turn.project, summary)
  const compacted: Compacted = {
    output: [
      ...listUserMessages(turn.resolved),
      { id: createId('cmp'), type: 'compaction', encrypted_content },
    ],
    usage: response.usage,
    provider: null,
    headers: { ...head, ...renderAdaptations(exchange.adaptations) },
  }
  const kept = await conclude(work, compacted)
  if (kept !== null) return kept
  exchange.adaptations.push({ field: 'store', action: 'dropped', detail: 'the store cannot be written' })
  return render(work, {
    ...compacted,
    headers: { ...compacted.headers, ...renderAdaptations(exchange.adaptations) },
  })
}

/** What is compacted, as any model reads it. */
function readContext({ turn, dependencies }: SideWork): Item[] {
  const request = { ...turn.resolved, input: itemsOf(turn.resolved.input) }
  return openForAll({ ...turn, request, sealer: dependencies.sealer })
}

function emulated(detail: string): Adaptation {
  return { field: 'compaction', action: 'emulated', detail }
}

/** All messages of the user, in order, as items of an output. */
function listUserMessages({ input }: CanonicalRequest): Item[] {
  const said = itemsOf(input).filter((item) => wordsOfUser(item) !== null)
  return withIds(said).map((item) => viewItem(item, true))
}

/** Keeps the compaction; null when that failed. */
async function conclude(work: SideWork, compacted: Compacted): Promise<IdempotentAnswer | null> {
  const { exchange, turn, claim, dependencies } = work
  const answer = render(work, compacted)
  exchange.responseId = turn.responseId
  exchange.itemIds = idsOf(compacted.output)
  exchange.status = 'completed'
  if (!turn.store) {
    await claim?.keep(answer)
    return answer
  }
  const { output, usage, provider } = compacted
  try {
    const request = { ...turn.resolved, input: itemsOf(turn.resolved.input) }
    const source = withIds(openForAll({ ...turn, request, sealer: dependencies.sealer }))
    const body = JSON.stringify({ ...resourceOf(work, { output, usage }), output: [] })
    await keepCompaction(turn, { source, output, body, provider, claim, answer })
    return answer
  } catch (error) {
    dependencies.onUnexpected(error, exchange)
    return null
  }
}

function render(work: SideWork, { headers, ...compacted }: Compacted): IdempotentAnswer {
  return {
    status: 200,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(resourceOf(work, compacted)),
  }
}

function resourceOf({ turn }: SideWork, { output, usage }: Pick<Compacted, 'output' | 'usage'>) {
  return {
    id: turn.responseId,
    object: 'response.compaction',
    created_at: Math.floor(turn.createdAt / 1000),
    output,
    usage: usage && toContractUsage(usage),
  }
}
