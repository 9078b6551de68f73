/** A repeated call with the same key gets the first one's answer. */
import type { IdempotentAnswer } from '../../store/state.ts'

/** The right of one request to answer under its key. Released unless it was completed. */
export interface ClaimedKey {
  readonly key: string
  /** Notes that the answer was kept together with the turn. */
  complete(): void
  /** Keeps the answer of a request that keeps no turn. */
  keep(answer: IdempotentAnswer): Promise<void>
  /** Gives the key back when nothing was kept under it. Never rejects. */
  release(): Promise<void>
}
