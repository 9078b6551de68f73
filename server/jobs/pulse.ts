/** The signs of life of this instance, by which others know that what it has is in hand. */
import type { JobsContext } from './dependencies.ts'

export interface PulseOptions {
  /** Milliseconds between two signs of life. Default 3000. */
  interval?: number
  /** Milliseconds for which one counts: so long stays with a dead instance what it had. Default 12 000. */
  validity?: number
}

interface PulseContext extends Pick<JobsContext, 'onTrouble'> {
  state: Pick<JobsContext['state'], 'beat' | 'buryDead'>
  /** A sign of life was taken. */
  onBeat?(): void
}

export class Pulse {
  readonly #context: PulseContext
  readonly #interval: number
  readonly #validity: number
  #timer: NodeJS.Timeout | null = null
  #beating: Promise<void> = Promise.resolve()
  /** `performance.now()` of the last sign, and of the first without a gap before it. */
  #last = Number.NEGATIVE_INFINITY
  #since = 0

  constructor(context: PulseContext, { interval = 3000, validity = 12_000 }: PulseOptions = {}) {
    this.#context = context
    this.#interval = interval
    this.#validity = validity
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
        .then(() => this.#context.onBeat?.())
        .catch((error: unknown) => this.#context.onTrouble(error, null))
        .then(() => {
          if (this.#timer !== null) this.#schedule()
        })
    }, this.#interval).unref()
  }

  /** After a time in which the store could not be reached, the others get theirs to say that they are alive. */
  async #beat(): Promise<void> {
    const { state } = this.#context
    const begun = performance.now()
    const hasDead = await state.beat(this.#validity)
    if (begun - this.#last > this.#validity) this.#since = begun
    this.#last = begun
    if (hasDead && begun - this.#since >= this.#validity) await state.buryDead()
  }
}
