/** Bounds the time that somebody waits for a thread: a disk that hangs keeps it from saying anything. */

/** What `answer` becomes, or the error that `onLate` gives once that took too long. `onAnswer` is told in any case, later. */
export function withinTime<T>(
  answer: Promise<T>,
  milliseconds: number,
  { onLate, onAnswer }: { onLate: () => Error; onAnswer: () => void },
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(onLate()), milliseconds)
    const settle = () => {
      clearTimeout(timer)
      onAnswer()
    }
    answer.finally(settle).then(resolve, reject)
  })
}
