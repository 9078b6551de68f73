import type { Observer } from './exchange.ts'

/** One observer that tells several; one that throws never disturbs the request or the others. */
export function combineObservers(
  observers: Observer[],
  onError: (error: unknown) => void,
): Required<Observer> {
  function tell(notify: (observer: Observer) => void): void {
    for (const observer of observers) {
      try {
        notify(observer)
      } catch (error) {
        onError(error)
      }
    }
  }
  return {
    started: (exchange) => tell((observer) => observer.started?.(exchange)),
    attemptStarted: (exchange, attempt, headers) =>
      tell((observer) => observer.attemptStarted?.(exchange, attempt, headers)),
    attemptEnded: (exchange, attempt, willRetry) =>
      tell((observer) => observer.attemptEnded?.(exchange, attempt, willRetry)),
    firstOutput: (exchange, attempt) => tell((observer) => observer.firstOutput?.(exchange, attempt)),
    finished: (exchange) => tell((observer) => observer.finished?.(exchange)),
    close: async () => {
      await Promise.allSettled(observers.map((observer) => observer.close?.()))
    },
  }
}
