export interface StepSizeOptions {
  first: number
  least?: number
  most: number
  target: number
}

/** How much one step of upkeep takes on, so that it takes about a given time on whatever machine and store it runs. */
export class StepSize {
  readonly #target: number
  readonly #least: number
  readonly #most: number
  #current: number

  /**
   * `target`: milliseconds. `least`, default 1: a step costs something whatever it takes on, such as the way to a database
   * and its disk; where that alone is over the target, steps would become ever smaller, and nothing would get done.
   */
  constructor({ first, most, target, least = 1 }: StepSizeOptions) {
    this.#current = first
    this.#least = least
    this.#most = most
    this.#target = target
  }

  get current(): number {
    return this.#current
  }

  /** Shrinks at once to what would have taken the time, grows by a quarter at a time. */
  took(milliseconds: number): void {
    const fitting = this.#current * (this.#target / Math.max(milliseconds, 0.01))
    const next = Math.min(fitting, this.#current * 1.25 + 1, this.#most)
    this.#current = Math.max(this.#least, Math.floor(next))
  }
}
