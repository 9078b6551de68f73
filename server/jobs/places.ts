/** Places for jobs that run: taken at once, or waited for in line. */
export class Places {
  readonly #limit: () => number
  readonly #line: (() => void)[] = []
  #used = 0

  /** `limit` may change. */
  constructor(limit: () => number) {
    this.#limit = limit
  }

  /** Places that nobody has and nobody waits for; below 0 when the limit was lowered. */
  get free(): number {
    return this.#limit() - this.#used - this.#line.length
  }

  /** Takes a place, whether one is free or not. */
  take(): void {
    this.#used += 1
  }

  /** Waits for a place and takes it. @returns false when the signal aborted first. */
  wait(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false)
    if (this.#line.length === 0 && this.#used < this.#limit()) {
      this.#used += 1
      return Promise.resolve(true)
    }
    return new Promise((resolve) => {
      const giveUp = () => {
        this.#line.splice(this.#line.indexOf(goOn), 1)
        resolve(false)
      }
      const goOn = () => {
        signal.removeEventListener('abort', giveUp)
        this.#used += 1
        resolve(true)
      }
      signal.addEventListener('abort', giveUp, { once: true })
      this.#line.push(goOn)
    })
  }

  /** Gives a place to the next in line, if there is one. */
  release(): void {
    this.#used -= 1
    if (this.#used < this.#limit()) this.#line.shift()?.()
  }
}
