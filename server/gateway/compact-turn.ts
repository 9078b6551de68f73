/**
 * A turn whose input ends in `compaction_trigger`: answered with one `compaction` item that stands for the context, as
 * Codex asks for it. Providers that know the trigger are sent it; over all others the model is asked for a summary.
 */
import { createEmitter } from '../../translators/shared/emitter.ts'
import { GatewayError } from '../errors.ts'
import { renderAdaptations } from './answer-head.ts'
import { idsOf } from './attempt-life.ts'
import type { Candidate } from './candidates.ts'
import { finishAnswer } from './finish.ts'
import { createId } from './ids.ts'
import type { Gateway } from './respond.ts'
import { openForAll } from './state/fit-target.ts'
import { compactionTrigger, sealableSummary } from './state/summary.ts'
import { itemsOf, type Turn } from './state/turn.ts'
import { summarize } from './summarize.ts'
import { createBaseContext, type Work } from './work.ts'

/**
 * Who is asked as the request stands: all, unless it ends in a trigger, which means nothing to some of them. Null when the
 * gateway has to compact, because the first target does not.
 */
export function listAskable({ turn }: Work, candidates: readonly Candidate[]): readonly Candidate[] | null {
  if (itemsOf(turn.resolved.input).at(-1)?.type !== compactionTrigger) return candidates
  const able = candidates.filter(knowsTrigger)
  return able[0] === candidates[0] ? able : null
}

function knowsTrigger({ provider }: Candidate): boolean {
  const { limit } = provider.translator.contract.fields['input.builtin_items'] ?? {}
  return limit?.values?.includes(compactionTrigger) === true
}

/** @throws GatewayError when there is nothing to compact, or no target wrote a summary. */
export async function compactTurn(gateway: Gateway, work: Work): Promise<void> {
  const { exchange, sink, dependencies } = work
  const turn = withoutTrigger(work.turn)
  if (turn.resolved.input?.length === 0)
    throw new GatewayError('invalid_request', 'There is nothing to compact before the compaction_trigger.', {
      param: 'input',
    })
  const { text, response, head } = await summarize(gateway, { ...work, turn })
  const detail = response.status === 'incomplete' ? 'a summary, which was cut' : 'a summary'
  exchange.adaptations.push({ field: 'input.compaction_trigger', action: 'emulated', detail })
  const context = openForAll({ ...turn, request: turn.resolved, sealer: dependencies.sealer })
  const encrypted_content = dependencies.sealer.seal(turn.project, sealableSummary(text, context))
  const { usage } = response
  const told = usage === null ? {} : { estimateUsage: () => usage }
  const emitter = createEmitter({ ...createBaseContext(work, () => {}), ...told })
  emitter.item({ type: 'compaction', id: createId('cmp'), encrypted_content }).finish()
  emitter.complete()
  const events = emitter.take()
  const { final } = emitter
  if (final === null) throw new Error('an answer did not end')
  exchange.responseId = final.id
  exchange.itemIds = idsOf(final.output)
  exchange.status = final.status
  sink.prepare({ ...head, ...renderAdaptations(exchange.adaptations) })
  sink.write(events.slice(0, -1))
  await finishAnswer(work, { events: events.slice(-1), final, candidate: null })
}

function withoutTrigger(turn: Turn): Turn {
  const input = itemsOf(turn.resolved.input).slice(0, -1)
  return { ...turn, resolved: { ...turn.resolved, input } }
}
