/** News of running responses for those who follow them in this process. */
import type { EventChunk } from '../store/state/state.ts'

export type News =
  /** Events that have been kept. `last`: the response has ended with them. */
  | { kind: 'events'; chunk: EventChunk; last: boolean }
  /** Look into the store. */
  | { kind: 'changed' }

/** One follower's place to wait at. */
export interface Feed {
  /** The next news; `changed` when nothing came for so many milliseconds, or when too much came to keep it here. */
  next(milliseconds: number, signal: AbortSignal): Promise<News>
  close(): void
}

/** Characters of events that wait for one follower. One that is further behind reads them from the store. */
const longestWait = 262_144

const changed: News = { kind: 'changed' }

export class EventHub {
  readonly #feeds = new Map<string, Set<QueuedFeed>>()
  readonly #onEmpty = new WeakMap<Set<QueuedFeed>, () => void>()

  /** News of this response from now on. */
  open(responseId: string): Feed {
    const feeds = this.#feeds.get(responseId) ?? new Set()
    this.#feeds.set(responseId, feeds)
    const feed = new QueuedFeed(() => {
      if (!feeds.delete(feed) || feeds.size > 0) return
      this.#feeds.delete(responseId)
      this.#onEmpty.get(feeds)?.()
    })
    feeds.add(feed)
    return feed
  }

  /** To be called once the events are kept. */
  publish(responseId: string, chunk: EventChunk, last: boolean): void {
    this.#tell(responseId, { kind: 'events', chunk, last })
  }

  /** The response began, ended, or went to another process. */
  change(responseId: string): void {
    this.#tell(responseId, changed)
  }

  changeAll(): void {
    for (const responseId of this.#feeds.keys()) this.change(responseId)
  }

  /** Resolves when nobody follows the response any more, or after so many milliseconds. */
  async unfollowed(responseId: string, milliseconds: number): Promise<void> {
    const feeds = this.#feeds.get(responseId)
    if (feeds === undefined) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      this.#onEmpty.set(feeds, () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  #tell(responseId: string, news: News): void {
    for (const feed of this.#feeds.get(responseId) ?? []) feed.add(news)
  }
}

class QueuedFeed implements Feed {
  readonly close: () => void
  #queue: News[] = []
  #length = 0
  #wake: () => void = () => {}

  constructor(close: () => void) {
    this.close = close
  }

  add(news: News): void {
    this.#queue.push(news)
    if (news.kind === 'events') this.#length += news.chunk.text.length
    if (this.#length > longestWait) {
      this.#queue = [changed]
      this.#length = 0
    }
    this.#wake()
  }

  async next(milliseconds: number, signal: AbortSignal): Promise<News> {
    if (this.#queue.length === 0) await this.#wait(milliseconds, signal)
    const news = this.#queue.shift() ?? changed
    if (news.kind === 'events') this.#length -= news.chunk.text.length
    return news
  }

  #wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const settle = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', settle)
        this.#wake = () => {}
        resolve()
      }
      const timer = setTimeout(settle, milliseconds)
      signal.addEventListener('abort', settle)
      this.#wake = settle
      if (signal.aborted) settle()
    })
  }
}
