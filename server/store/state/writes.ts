/** Every write of state by its name, and groups of them in one transaction. Runs on the writer's thread. */

import {
  type BatchOptions,
  type Driver,
  type SqlRow,
  type Statement,
  StoreError,
  type StoreProblem,
} from '../engine/driver.ts'
import * as conversations from './conversation-writes.ts'
import * as jobs from './job-writes.ts'
import * as keys from './key-writes.ts'
import type { Plan, WriteContext } from './plan.ts'
import * as turns from './turn-writes.ts'
import * as upkeep from './upkeep.ts'

const planners = {
  beat: upkeep.beat,
  buryDead: upkeep.buryDead,
  commitTurn: turns.commitTurn,
  deleteResponse: turns.deleteResponse,
  createConversation: conversations.createConversation,
  updateConversation: conversations.updateConversation,
  deleteConversation: conversations.deleteConversation,
  addConversationItems: conversations.addConversationItems,
  deleteConversationItem: conversations.deleteConversationItem,
  lockConversation: conversations.lockConversation,
  unlockConversation: conversations.unlockConversation,
  acceptJob: turns.acceptJob,
  takeJobs: jobs.takeJobs,
  startJob: jobs.startJob,
  noteJob: jobs.noteJob,
  appendEvents: jobs.appendEvents,
  releaseJob: jobs.releaseJob,
  cancelJob: jobs.cancelJob,
  claimKey: keys.claimKey,
  completeKey: keys.completeKey,
  releaseKey: keys.releaseKey,
  addPrompt: keys.addPrompt,
  setDefaultPrompt: keys.setDefaultPrompt,
  deletePrompt: keys.deletePrompt,
  addSealKey: keys.addSealKey,
  sweep: upkeep.sweep,
}

type Planners = typeof planners
export type StateWriteName = keyof Planners
export type StateWriteArgument<K extends StateWriteName> = Parameters<Planners[K]>[0]
export type StateWriteValue<K extends StateWriteName> =
  ReturnType<Planners[K]> extends Plan<infer T> ? T : never

export interface StateWrite {
  name: StateWriteName
  argument: StateWriteArgument<StateWriteName>
}

export type StateOutcome =
  | { ok: true; value: unknown }
  | { ok: false; problem: StoreProblem; message: string }

export interface GroupOptions {
  driver: Driver
  context: Omit<WriteContext, 'dialect'>
  /** Waits before the next try; false when there is no more time for one. */
  pause: () => Promise<boolean>
  /** Hears of each failure, and of null after each success. */
  onProblem: (problem: string | null) => void
}

interface Planned {
  index: number
  plan: Plan<unknown>
}

/**
 * Commits the writes, in order, in one transaction. When that fails for what may be the fault of one of them, each is
 * tried by itself. Gives the outcomes in the order of the writes.
 */
export async function commitGroup(
  writes: readonly StateWrite[],
  options: GroupOptions,
): Promise<StateOutcome[]> {
  const outcomes: StateOutcome[] = []
  const planned: Planned[] = []
  const context: WriteContext = { ...options.context, dialect: options.driver.dialect }
  for (const [index, { name, argument }] of writes.entries()) {
    try {
      const planner = planners[name] as (argument: unknown, context: WriteContext) => Plan<unknown>
      planned.push({ index, plan: planner(argument, context) })
    } catch (error) {
      outcomes[index] = toFailure(error)
    }
  }
  await commitPlans(planned, outcomes, options)
  return outcomes
}

async function commitPlans(
  planned: readonly Planned[],
  outcomes: StateOutcome[],
  options: GroupOptions,
): Promise<void> {
  for (let left = planned; left.length > 0; ) {
    const failed = await tryPlans(left, outcomes, options)
    if (failed.length > 0 && !(await options.pause())) return
    left = failed
  }
}

/** Gives those that may succeed later. */
async function tryPlans(
  planned: readonly Planned[],
  outcomes: StateOutcome[],
  options: GroupOptions,
): Promise<readonly Planned[]> {
  try {
    await commitOnce(planned, outcomes, options)
    options.onProblem(null)
    return []
  } catch (error) {
    const failure = toFailure(error)
    options.onProblem(failure.message)
    const transient = error instanceof StoreError && error.transient
    // What holds the whole file up is no fault of one; that it is full may be that of a large one.
    if (planned.length > 1 && !(transient && failure.problem !== 'disk_full')) {
      const left: Planned[] = []
      for (const one of planned) left.push(...(await tryPlans([one], outcomes, options)))
      return left
    }
    for (const { index } of planned) outcomes[index] = failure
    return transient ? planned : []
  }
}

async function commitOnce(
  planned: readonly Planned[],
  outcomes: StateOutcome[],
  { driver }: GroupOptions,
): Promise<void> {
  const rows = await driver.batch(statementsOf(planned), locksOf(planned))
  let position = 0
  for (const { index, plan } of planned) {
    const own = rows.slice(position, position + plan.statements.length)
    position += plan.statements.length
    outcomes[index] = tellValue(plan, own)
  }
}

const statements = new WeakMap<readonly Planned[], Statement[]>()

/** The same array each time: by that the driver knows a try again of what it may have committed. */
function statementsOf(planned: readonly Planned[]): Statement[] {
  const known = statements.get(planned) ?? planned.flatMap(({ plan }) => plan.statements)
  statements.set(planned, known)
  return known
}

/** Those of all; what one of them takes whole, it need not share. */
function locksOf(planned: readonly Planned[]): BatchOptions {
  const locks = new Set(planned.flatMap(({ plan }) => plan.locks ?? []))
  const shared = new Set(planned.flatMap(({ plan }) => plan.shared ?? []))
  return { locks: [...locks], shared: [...shared].filter((name) => !locks.has(name)) }
}

/** Committed is committed: what cannot be told of it must not have it tried again. */
function tellValue(plan: Plan<unknown>, rows: SqlRow[][]): StateOutcome {
  try {
    return { ok: true, value: plan.value(rows) }
  } catch (error) {
    return toFailure(error)
  }
}

function toFailure(error: unknown): Extract<StateOutcome, { ok: false }> {
  const message = error instanceof Error ? error.message : String(error)
  return { ok: false, problem: error instanceof StoreError ? error.problem : 'failed', message }
}
