/** A worker whose call `hang` keeps its thread busy for so many milliseconds, as a statement that cannot be stopped does. */

import { answerCalls } from '../../../server/store/threads/worker-loop.ts'

export interface HangingCalls {
  hang: { argument: number; value: string }
  answer: { argument: null; value: string }
}

answerCalls<HangingCalls>({
  hang: async (milliseconds) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
    return 'late'
  },
  answer: async () => 'here',
})
