import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createConversationLocks } from '../../../../server/gateway/state/conversation-locks.ts'
import { StoreError } from '../../../../server/store/engine/driver.ts'
import type { LockResult, StateStore } from '../../../../server/store/state/state.ts'

type Locking = Pick<StateStore, 'lockConversation' | 'unlockConversation'>

/** One conversation. `failing`: what the store says while it cannot be written. */
function createState() {
  const state = {
    holder: null as string | null,
    failing: null as Error | null,
    refused: 0,
    async lockConversation(_project: string, _id: string, holder: string): Promise<LockResult> {
      if (state.failing !== null) throw state.failing
      state.holder ??= holder
      return state.holder === holder ? 'locked-by-us' : 'locked'
    },
    async unlockConversation(_project: string, _id: string, holder: string): Promise<void> {
      if (state.failing !== null) {
        state.refused += 1
        throw state.failing
      }
      if (state.holder === holder) state.holder = null
    },
  } satisfies Locking & Record<string, unknown>
  return state
}

const lockFor = (holder: string, patience: number | null = 0) => ({
  project: 'p',
  id: 'conv_1',
  holder,
  patience,
  signal: new AbortController().signal,
})
const diskFull = new StoreError('disk_full', 'The disk is full.')

describe('a lock on a conversation that cannot be given back', () => {
  it('is given back once the store can be written again', async () => {
    const state = createState()
    const locks = createConversationLocks({ state, unlockPause: 1 })
    const leave = await locks.lock(lockFor('resp_1'))
    state.failing = diskFull
    await locks.unlock(lockFor('resp_1'))
    leave()
    while (state.refused < 3) await pause(1)
    assert.equal(state.holder, 'resp_1')
    state.failing = null
    const next = await locks.lock(lockFor('resp_2', null))
    assert.equal(state.holder, 'resp_2')
    next()
  })
  it('stays with a job that takes it again', async () => {
    const state = createState()
    const locks = createConversationLocks({ state, unlockPause: 1 })
    const leave = await locks.lock(lockFor('resp_1'))
    state.failing = diskFull
    await locks.unlock(lockFor('resp_1'))
    leave()
    state.failing = null
    await locks.lock(lockFor('resp_1'))
    await pause(10)
    assert.equal(state.holder, 'resp_1')
    await assert.rejects(locks.lock(lockFor('resp_2')), { code: 'conversation_locked' })
  })
  it('is not given back for ever to a store that is gone', async () => {
    const state = createState()
    const locks = createConversationLocks({ state, unlockPause: 1, unlockTries: 3 })
    await locks.lock(lockFor('resp_1'))
    state.failing = new StoreError('failed', 'The store is closed.')
    await locks.unlock(lockFor('resp_1'))
    while (state.refused < 3) await pause(1)
    await pause(10)
    assert.equal(state.refused, 3)
  })
})
