/**
 * One turn at a time on a conversation. Those of this process wait in line, in the order in which they came; only the
 * first of the line asks the store, where another instance may hold the lock.
 */
import { GatewayError } from '../../errors.ts'
import type { StateStore } from '../../store/state/state.ts'
import { waitFor } from '../wait.ts'
import { conversationNotFound } from './history.ts'

/** A lock on the conversation `id`; `holder` is the id of the response that runs on it. */
export interface ConversationLock {
  project: string
  id: string
  holder: string
}

export interface ConversationLocks {
  /**
   * Resolves when the conversation is locked for `holder`, with the function that lets the next one in line have its try;
   * call it once the lock has been given back or went with a commit.
   * @throws GatewayError `conversation_not_found` (404); `conversation_locked` (409) after `patience` milliseconds (null:
   * never); `client_closed_request` when the signal aborts
   */
  lock(options: ConversationLock & { patience: number | null; signal: AbortSignal }): Promise<() => void>
  /** Gives a lock back; later, when the store cannot be written now. Never rejects. */
  unlock(lock: ConversationLock): Promise<void>
}

/** Milliseconds between two tries of the first in line, while another instance has the lock: at first, and at most. */
const firstPause = 25
const longestPause = 400

export interface ConversationLocksOptions {
  state: Pick<StateStore, 'lockConversation' | 'unlockConversation'>
  /** Milliseconds between two tries to give a lock back. Default 1000. */
  unlockPause?: number
  /** After which the lock is left to the end of this process. Default 3600. */
  unlockTries?: number
}

export function createConversationLocks({
  state,
  unlockPause = 1000,
  unlockTries = 3600,
}: ConversationLocksOptions): ConversationLocks {
  /** Holders of locks that could not be given back: nobody else does it while this process lives. */
  const stuck = new Set<string>()
  /** Wakes those who wait, the first in line first. The entry stands while somebody is in. */
  const lines = new Map<string, (() => void)[]>()

  function leave(key: string): void {
    const next = lines.get(key)?.shift()
    if (next === undefined) lines.delete(key)
    else next()
  }
  /** Waits for the place at the head. @returns whether it was reached in time. */
  function enter(key: string, patience: number | null, signal: AbortSignal): Promise<boolean> {
    const line = lines.get(key)
    if (line === undefined) {
      lines.set(key, [])
      return Promise.resolve(true)
    }
    return new Promise((resolve) => {
      const giveUp = () => {
        line.splice(line.indexOf(wake), 1)
        settle(false)
      }
      const wake = () => settle(true)
      const timer = patience === null ? null : setTimeout(giveUp, patience)
      function settle(reached: boolean): void {
        if (timer !== null) clearTimeout(timer)
        signal.removeEventListener('abort', giveUp)
        resolve(reached)
      }
      signal.addEventListener('abort', giveUp, { once: true })
      line.push(wake)
    })
  }
  async function unlock(lock: ConversationLock, tries = 1): Promise<void> {
    const { project, id, holder } = lock
    try {
      await state.unlockConversation(project, id, holder)
      stuck.delete(holder)
    } catch {
      if (tries === unlockTries) return
      stuck.add(holder)
      setTimeout(() => {
        if (stuck.has(holder)) void unlock(lock, tries + 1)
      }, unlockPause).unref()
    }
  }
  return {
    unlock: (lock) => unlock(lock),
    async lock({ project, id, holder, patience, signal }) {
      if (signal.aborted) throw clientGone()
      // A job that is taken up again has its lock still.
      stuck.delete(holder)
      const key = JSON.stringify([project, id])
      const until = patience === null ? Number.POSITIVE_INFINITY : performance.now() + patience
      if (!(await enter(key, patience, signal))) throw signal.aborted ? clientGone() : locked(id)
      try {
        for (let pause = firstPause; ; pause = Math.min(2 * pause, longestPause)) {
          const result = await state.lockConversation(project, id, holder)
          if (result === 'locked-by-us') return () => leave(key)
          if (result === 'missing') throw conversationNotFound(id)
          if (performance.now() >= until) throw locked(id)
          const left = Math.max(1, until - performance.now())
          if (!(await waitFor(Math.min(pause, left), signal))) throw clientGone()
        }
      } catch (error) {
        leave(key)
        throw error
      }
    },
  }
}

function locked(id: string): GatewayError {
  return new GatewayError(
    'conversation_locked',
    `Another response is running on the conversation '${id.slice(0, 80)}'. Try again when it has ended.`,
    { param: 'conversation', retryAfterSeconds: 1 },
  )
}

function clientGone(): GatewayError {
  return new GatewayError('client_closed_request', 'The client closed the connection.')
}
