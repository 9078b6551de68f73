/** Takes jobs and runs them, so many at once, while this instance is alive. */
import { finishExchange } from '../gateway/exchange-life.ts'
import { isRunning } from '../gateway/state/stored-view.ts'
import type { TakenJob } from '../store/state/state.ts'
import type { JobsContext } from './dependencies.ts'
import { Outages } from './outages.ts'
import { Places } from './places.ts'
import { Pulse } from './pulse.ts'
import { leaveExchange, type RunningJob, runJob } from './run-job.ts'
import { type HandedOver, WaitingJobs } from './waiting-jobs.ts'

/** Milliseconds between two looks: for jobs that others have left, given back, taken or ended. */
const lookInterval = 1000

/** Jobs that may wait here for their conversation at a time, which needs no place. */
const mostWaiting = 256

export class JobRunner {
  readonly #context: JobsContext
  readonly #running = new Map<string, RunningJob>()
  readonly #places: Places
  /** Running ones that have no place: they wait for their conversation, or for a place after that. */
  #waiting = 0
  /** On their way into the store. */
  readonly #expected = new Map<string, HandedOver>()
  /** Accepted here and not taken yet. */
  readonly #handedOver = new WaitingJobs()
  /** To be given back as soon as the store takes it. */
  readonly #toGiveBack = new Map<string, { begun: boolean }>()
  readonly #pulse: Pulse
  readonly #outages: Outages
  #timers: NodeJS.Timeout[] = []
  #givingBack: Promise<void> | null = null
  #missing: Promise<void> | null = null
  #taking: Promise<void> | null = null
  #takeAgain = false
  /** Jobs may have been taken without this process knowing which. */
  #inDoubt = false
  #stopping = false

  constructor(context: JobsContext) {
    this.#context = context
    this.#places = new Places(() => context.runtime().state.backgroundJobs)
    this.#outages = new Outages((error) => {
      if (context.onOutage !== undefined) context.onOutage(error)
      else if (error !== null) context.onTrouble(error, null)
    })
    this.#pulse = new Pulse({
      state: context.state,
      onTrouble: (error) => this.#outages.failed('beat', error),
      onBeat: () => this.#outages.worked('beat'),
    })
  }

  /** Says that this instance is alive, and begins to take jobs. Rejects with StoreError. */
  async start(): Promise<void> {
    await this.#pulse.start()
    this.#timers.push(setInterval(() => this.#look(), lookInterval).unref())
    this.take()
  }

  get(id: string): RunningJob | null {
    return this.#running.get(id) ?? null
  }

  get running(): number {
    return this.#running.size
  }

  /** Accepted here and waiting for a place. */
  get queued(): number {
    return this.#handedOver.size
  }

  get stopping(): boolean {
    return this.#stopping
  }

  /** A job is about to be kept. */
  expect(id: string, handedOver: HandedOver): void {
    this.#expected.set(id, handedOver)
  }

  /** It could not be kept. */
  withdraw(id: string): void {
    this.#expected.delete(id)
  }

  /** It has been kept, and may have been taken already. */
  offer(id: string): void {
    const handedOver = this.#expected.get(id)
    this.#expected.delete(id)
    if (handedOver === undefined) return
    this.#handedOver.add(id, handedOver)
    if (this.#stopping) this.#leaveWaiting()
    this.take()
  }

  /** A job that waits here was cancelled: its request has ended. */
  drop(id: string): void {
    const waiting = this.#handedOver.take(id)
    if (waiting === null) return
    waiting.exchange.status = 'cancelled'
    this.#finish(waiting)
  }

  /** Fills the free places. */
  take(): void {
    if (this.#taking !== null) this.#takeAgain = true
    else if (!this.#stopping) {
      this.#taking = this.#takeAll().finally(() => {
        this.#taking = null
        if (this.#takeAgain) this.take()
      })
    }
  }

  /** Takes no more; lets running jobs end, gives the rest back after `timeout` milliseconds. */
  async stop(timeout: number): Promise<void> {
    this.#stopping = true
    await this.#taking
    // Who follows a job that does not run here need not wait for it.
    this.#context.hub.changeAll()
    const ends = () => Promise.all([...this.#running.values()].map(({ done }) => done))
    const timer = setTimeout(() => {
      for (const job of this.#running.values()) job.stop('stopped')
    }, timeout)
    await ends()
    clearTimeout(timer)
    this.#leaveWaiting()
    await this.#giveBack()
    for (const running of this.#timers) clearInterval(running)
  }

  /** Leaves what this instance still has to the others. */
  leave(): Promise<void> {
    return this.#pulse.stop()
  }

  #look(): void {
    void this.#giveBack()
    this.take()
    this.#missing ??= this.#findMissing()
      .then(() => this.#outages.worked('missing'))
      .catch((error: unknown) => this.#outages.failed('missing', error))
      .finally(() => {
        this.#missing = null
      })
  }

  /** What other instances have done to the jobs that are here. */
  async #findMissing(): Promise<void> {
    const { state } = this.#context
    for (const id of await state.lostJobs([...this.#running.keys()])) this.#running.get(id)?.stop('lost')
    const waiting = this.#handedOver.ids()
    if (waiting.length === 0) return
    const free = new Set(await state.freeJobs())
    for (const id of waiting) if (!free.has(id)) await this.#leaveToOther(id)
  }

  /** It was taken by another instance, which makes a record of its own; the one here goes when the response has ended. */
  async #leaveToOther(id: string): Promise<void> {
    const waiting = this.#handedOver.peek(id)
    const project = waiting?.exchange.caller?.projectId
    if (waiting === null || project === undefined) return
    const stored = await this.#context.state.getResponse(project, id)
    // Taken here meanwhile.
    if (this.#handedOver.peek(id) === null) return
    // One that was cancelled may have waited until then, so that nobody else tells of it.
    if (stored !== null && stored.status !== 'cancelled') waiting.exchange.handedOver = true
    if (stored !== null && isRunning(stored)) return
    this.#handedOver.take(id)
    waiting.exchange.status = stored?.status ?? 'cancelled'
    this.#finish(waiting)
  }

  /** One at a time: a job that was given back may be taken again at once, and a second giving back would lose it. */
  #giveBack(): Promise<void> {
    this.#givingBack ??= this.#giveAllBack().finally(() => {
      this.#givingBack = null
    })
    return this.#givingBack
  }

  async #takeAll(): Promise<void> {
    const { state } = this.#context
    try {
      do {
        this.#takeAgain = false
        if (this.#inDoubt) await this.#findTaken()
        const free = Math.min(this.#places.free, mostWaiting - this.#waiting)
        if (free <= 0 || this.#stopping) return
        this.#inDoubt = true
        const jobs = await state.takeJobs(free)
        this.#outages.worked('take')
        this.#inDoubt = false
        for (const taken of jobs) {
          if (this.#stopping) this.#putBack(taken.id)
          else this.#run(taken)
        }
        // Those that wait for their conversation have left their places to others.
        if (jobs.some(({ conversation }) => conversation !== null)) this.#takeAgain = true
      } while (this.#takeAgain)
    } catch (error) {
      this.#outages.failed('take', error)
    }
  }

  /** What was taken although the store could not say so would be run by nobody. */
  async #findTaken(): Promise<void> {
    for (const id of await this.#context.state.ownJobs()) if (!this.#running.has(id)) this.#putBack(id)
    this.#inDoubt = false
  }

  #run(taken: TakenJob): void {
    const { id } = taken
    this.#toGiveBack.delete(id)
    // Taken for dead meanwhile, and it still runs here.
    if (this.#running.has(id)) return
    const handedOver = this.#handedOver.take(id) ?? this.#expected.get(id) ?? null
    this.#expected.delete(id)
    let job: RunningJob
    const place = this.#claimPlace(taken)
    try {
      job = runJob(this.#context, { taken, handedOver, takePlace: place.take })
    } catch (error) {
      place.leave()
      // Kept by another version, say, which may come back.
      this.#context.onTrouble(error, null)
      this.#putBack(id)
      return
    }
    this.#running.set(id, job)
    job.done.then((end) => {
      this.#running.delete(id)
      place.leave()
      if (end !== 'ended') this.#toGiveBack.set(id, { begun: end === 'stopped' })
      // Those who follow it look where it is now.
      this.#context.hub.change(id)
      this.take()
    })
  }

  /** A job without a conversation has its place from the start; others when they have their conversation. */
  #claimPlace({ conversation }: TakenJob): {
    take(signal: AbortSignal): Promise<boolean>
    leave(): void
  } {
    let holds = conversation === null
    if (holds) this.#places.take()
    else this.#waiting += 1
    return {
      take: async (signal) => {
        if (holds) return true
        if (!(await this.#places.wait(signal))) return false
        this.#waiting -= 1
        holds = true
        return true
      },
      leave: () => {
        if (holds) this.#places.release()
        else this.#waiting -= 1
      },
    }
  }

  /** What waits here is left to the next process. */
  #leaveWaiting(): void {
    for (const id of this.#handedOver.ids()) {
      const waiting = this.#handedOver.take(id)
      if (waiting === null) continue
      leaveExchange(waiting.exchange)
      waiting.exchange.handedOver = true
      this.#finish(waiting)
    }
  }

  #putBack(id: string): void {
    this.#toGiveBack.set(id, { begun: false })
  }

  async #giveAllBack(): Promise<void> {
    const { state } = this.#context
    for (const [id, { begun }] of this.#toGiveBack) {
      try {
        await state.releaseJob(id, begun)
        this.#toGiveBack.delete(id)
        this.#outages.worked('give back')
      } catch (error) {
        this.#outages.failed('give back', error)
        return
      }
    }
  }

  #finish({ exchange }: HandedOver): void {
    finishExchange(exchange)
    this.#context.observer.finished(exchange)
  }
}
