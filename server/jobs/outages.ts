/** Says once that the store does not answer those who look into it every second, and once that it does again. */
export class Outages {
  readonly #tell: (error: unknown) => void
  /** Of those who look, by name: who got no answer the last time. */
  readonly #waiting = new Set<string>()

  /** `tell`: what went wrong when it begins; null when it is over. */
  constructor(tell: (error: unknown) => void) {
    this.#tell = tell
  }

  failed(name: string, error: unknown): void {
    if (this.#waiting.size === 0) this.#tell(error)
    this.#waiting.add(name)
  }

  worked(name: string): void {
    if (this.#waiting.delete(name) && this.#waiting.size === 0) this.#tell(null)
  }
}
