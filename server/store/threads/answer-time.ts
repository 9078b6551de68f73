/** Bounds the time that somebody waits for a thread: a disk that hangs keeps it from saying anything. */

/** Milliseconds that answers have which came while this thread itself was busy. */
export const lastLook = 50

/** What `answer` becomes, or the error that `onLate` gives once that took too long. `onAnswer` is told in any case, later. */
export function withinTime<T>(
  answer: Promise<T>,
  milliseconds: number,
  { onLate, onAnswer }: { onLate: () => Error; onAnswer: () => void },
): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer = setTimeout(() => {
      timer = setTimeout(() => reject(onLate()), lastLook)
    }, milliseconds)
    const settle = () => {
      clearTimeout(timer)
      onAnswer()
    }
    answer.finally(settle).then(resolve, reject)
  })
}
