/** `generate: false`: a turn that only brings input, for the next one to continue from. */
import type { Usage } from '../../translators/shared/canonical.ts'
import { createEmitter } from '../../translators/shared/emitter.ts'
import { GatewayError } from '../errors.ts'
import { finishAnswer } from './finish.ts'
import { listCandidates, planCandidate } from './plan-candidate.ts'
import { createBaseContext, type Work } from './work.ts'

const noUsage: Usage = {
  input_tokens: 0,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 0,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 0,
}

/**
 * Checks the request as if a provider were to be asked, keeps the turn, and answers it with an empty output.
 * @throws GatewayError as for a request that no target can serve.
 */
export async function warmUp(work: Work): Promise<void> {
  const { exchange, sink } = work
  checkServable(work)
  const emitter = createEmitter({
    ...createBaseContext(work, () => {}),
    estimateUsage: () => noUsage,
  })
  emitter.complete()
  const events = emitter.take()
  const { final } = emitter
  if (final === null) throw new Error('an empty answer did not end')
  exchange.responseId = final.id
  exchange.status = final.status
  exchange.usage = final.usage
  sink.write(events.slice(0, -1))
  await finishAnswer(work, { events: events.slice(-1), final, candidate: null })
}

function checkServable(work: Work): void {
  let refusal: GatewayError | null = null
  for (const candidate of listCandidates(work)) {
    const plan = planCandidate(work, candidate)
    if (plan.ok) return
    refusal ??= plan.error
  }
  throw refusal ?? new GatewayError('unsupported_parameter', 'No target can serve this request.')
}
