/** How much one step of upkeep takes on, so that it takes about a given time on whatever machine and store it runs. */
export class StepSize {
  readonly #target: number
  readonly #most: number
  #current: number

  /** `target`: milliseconds. */
  constructor({ first, most, target }: { first: number; most: number; target: number }) {
    this.#current = first
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
    this.#current = Math.max(1, Math.floor(next))
  }
}
