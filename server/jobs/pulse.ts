/** The signs of life of this instance, by which others know that what it has is in hand. */
import type { JobsContext } from './dependencies.ts'

/** Milliseconds between two signs of life, and for how long one counts: so long stays with a dead instance what it had. */
const interval = 3000
const validity = 12_000

export class Pulse {
  readonly #context: Pick<JobsContext, 'state' | 'onTrouble'>
  #timer: NodeJS.Timeout | null = null
  #beating: Promise<void> = Promise.resolve()
  /** `performance.now()` of the last sign, and of the first without a gap before it. */
  #last = Number.NEGATIVE_INFINITY
  #since = 0

  constructor(context: Pick<JobsContext, 'state' | 'onTrouble'>) {
    this.#context = context
  }

  /** Rejects with StoreError. */
  async start(): Promise<void> {
    await this.#beat()
    this.#schedule()
  }

  /** The last sign, after which the others take over what there is. Never rejects. */
  async stop(): Promise<void> {
    if (this.#timer === null) return
    clearTimeout(this.#timer)
    this.#timer = null
    await this.#beating
    // Without it they do so a few seconds later.
    await this.#context.state.beat(0).catch(() => undefined)
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      this.#beating = this.#beat()
        .catch((error: unknown) => this.#context.onTrouble(error, null))
        .then(() => {
          if (this.#timer !== null) this.#schedule()
        })
    }, interval).unref()
  }

  /** After a time in which the store could not be reached, the others get theirs to say that they are alive. */
  async #beat(): Promise<void> {
    const { state } = this.#context
    const begun = performance.now()
    const hasDead = await state.beat(validity)
    if (begun - this.#last > validity) this.#since = begun
    this.#last = begun
    if (hasDead && begun - this.#since >= validity) await state.buryDead()
  }
}
