import { closeEvents } from '../../translators/shared/close-events.ts'
import { idsOf } from './attempt-life.ts'
import type { Candidate } from './candidates.ts'
import { decodeEvents } from './encode-event.ts'
import { commitTurn } from './state/commit-turn.ts'
import type { Work } from './work.ts'

/**
 * Keeps what a client has seen of a stream that it left, as a cancelled response: chat applications let their users stop an
 * answer, and refer to its items in the next turn. A conversation gets nothing of it. Never rejects.
 */
export async function keepPartial(work: Work, { provider }: Candidate): Promise<void> {
  const { turn, sink, exchange, job, events: dialect, dependencies } = work
  if (!turn.store || turn.conversation !== null || job) return
  try {
    const told = decodeEvents(sink.sent?.() ?? '')
    if (told.length === 0) return
    const { events, final } = closeEvents(told, { dialect, failure: null })
    exchange.responseId = turn.responseId
    exchange.itemIds = idsOf(final.output)
    await commitTurn(turn, {
      final,
      provider: provider.id,
      streamed: true,
      isJob: false,
      claim: null,
      transcript: () => sink.transcript(events, final),
    })
  } catch (error) {
    dependencies.onUnexpected(error, exchange)
  }
}
