/**
 * A worker whose call `hang` keeps its thread busy for so many milliseconds, as a statement that cannot be stopped does.
 * Its settings are the milliseconds that it takes to be there.
 */

import { workerData } from 'node:worker_threads'
import { answerCalls } from '../../../server/store/threads/worker-loop.ts'

export interface HangingCalls {
  hang: { argument: number; value: string }
  answer: { argument: null; value: string }
}

function block(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

block(workerData)
answerCalls<HangingCalls>({
  hang: async (milliseconds) => {
    block(milliseconds)
    return 'late'
  },
  answer: async () => 'here',
})
