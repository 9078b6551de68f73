/** Writes of responses: a finished turn, its events and items, and the end of all of it. */

import type { SqlRow, Statement } from '../engine/driver.ts'
import { appendItems } from './conversation-writes.ts'
import { splitEvents } from './events.ts'
import { pack } from './pack.ts'
import {
  allOf,
  flag,
  type Guard,
  insertInto,
  jobIsOurs,
  lockIsOurs,
  nameOf,
  type Plan,
  rights,
  unguarded,
  type WriteContext,
} from './plan.ts'
import type { EventChunk, IdempotentAnswer, JobAccept, TurnCommit } from './state.ts'

const insertResponse = insertInto(
  'responses',
  [
    'id',
    'project',
    'kind',
    { number: 'created_at' },
    { number: 'expires_at' },
    'previous_id',
    'conversation',
    'status',
    { number: 'background' },
    { number: 'streamed' },
    'model',
    'provider',
    'include',
    { number: 'bytes' },
    'input',
    'output',
    'body',
  ],
  'RETURNING id',
)

/** An id that the project has already keeps its first place. */
const insertItem = insertInto(
  'items',
  ['project', 'id', 'holder', 'place', { number: 'position' }],
  'ON CONFLICT (project, id) DO NOTHING',
)

export const insertEvents = insertInto(
  'response_events',
  ['response_id', { number: 'first' }, { number: 'count' }, { number: 'bytes' }, 'content'],
  'RETURNING first',
)

/** A turn that was not a job is inserted; a job's row is there, and is finished only by the instance that has the job. */
export function commitTurn(turn: TurnCommit, context: WriteContext): Plan<'committed' | 'superseded'> {
  const { id, project, conversation, conversationItems, idempotency } = turn
  const guards: Guard[] = []
  if (turn.background) guards.push(jobIsOurs(id, context))
  const adds = conversation !== null && conversationItems !== null
  if (adds) guards.push(lockIsOurs({ project, id: conversation, holder: id }, context))
  const guard = allOf(guards)
  const statements = turn.keep ? keepTurn(turn, guard) : []
  if (idempotency !== null) {
    const response = turn.keep ? id : null
    statements.push(completeWith({ ...idempotency, project, response, guard, context }))
  }
  // From here on each statement takes away what a guard looks at, so the order matters.
  if (adds) statements.push(...appendItems({ project, id: conversation, items: conversationItems, guard }))
  if (turn.background) statements.push(endJob(id, guard))
  if (adds) statements.push(unlock(conversation, id, context))
  return {
    statements,
    locks: [
      ...(turn.background ? [nameOf.response(id)] : []),
      ...(adds ? [nameOf.conversation(conversation)] : []),
    ],
    shared: guards.length > 0 ? [rights] : [],
    value: (rows) => {
      const telling = turn.keep ? rows[0] : adds ? rows.at(-1) : null
      return telling === null || telling?.length === 1 ? 'committed' : 'superseded'
    },
  }
}

function keepTurn(turn: TurnCommit, guard: Guard): Statement[] {
  return [
    turn.background ? updateResponse(turn, guard) : addResponse(turn, guard),
    ...itemStatements(turn, guard),
    ...(turn.events === null ? [] : eventStatements(turn.id, turn.events, guard)),
  ]
}

function addResponse(turn: TurnCommit, guard: Guard): Statement {
  const input = pack(turn.input)
  const output = pack(turn.output)
  return insertResponse(
    [
      turn.id,
      turn.project,
      turn.kind,
      turn.createdAt,
      turn.expiresAt,
      turn.previousId,
      turn.conversation,
      turn.status,
      flag(turn.background),
      flag(turn.streamed),
      turn.model,
      turn.provider,
      JSON.stringify(turn.include),
      input.bytes + output.bytes,
      input.blob,
      output.blob,
      pack(turn.body).blob,
    ],
    guard,
  )
}

function updateResponse(turn: TurnCommit, guard: Guard): Statement {
  const input = pack(turn.input)
  const output = pack(turn.output)
  return {
    sql: `UPDATE responses SET expires_at = ?, status = ?, model = ?, provider = ?, bytes = ?,
        input = ?, output = ?, body = ?
      WHERE id = ? AND project = ? AND status IN ('queued', 'in_progress') AND ${guard.sql} RETURNING id`,
    params: [
      turn.expiresAt,
      turn.status,
      turn.model,
      turn.provider,
      input.bytes + output.bytes,
      input.blob,
      output.blob,
      pack(turn.body).blob,
      turn.id,
      turn.project,
      ...guard.params,
    ],
  }
}

export function itemStatements(
  { project, id, inputIds, outputIds }: Pick<TurnCommit, 'project' | 'id' | 'inputIds' | 'outputIds'>,
  guard: Guard,
): Statement[] {
  const rows = (place: string, ids: readonly string[]) =>
    ids.map((item, position) => insertItem([project, item, id, place, position], guard))
  return [...rows('input', inputIds), ...rows('output', outputIds)]
}

export function eventStatements(id: string, chunk: EventChunk, guard: Guard): Statement[] {
  return splitEvents(chunk).map(({ first, count, text }) => {
    const { blob, bytes } = pack(text)
    return insertEvents([id, first, count, bytes, blob], guard)
  })
}

interface Completion {
  project: string
  key: string
  answer: IdempotentAnswer
  /** The one that the answer tells of, when it is kept. */
  response: string | null
  guard: Guard
  context: WriteContext
}

function completeWith({ project, key, answer, response, guard, context }: Completion): Statement {
  return {
    sql: `UPDATE idempotency_keys SET answer = ?, response = ?
      WHERE project = ? AND key = ? AND owner = ? AND answer IS NULL AND ${guard.sql}`,
    params: [pack(JSON.stringify(answer)).blob, response, project, key, context.instance, ...guard.params],
  }
}

function endJob(id: string, guard: Guard): Statement {
  return { sql: `DELETE FROM jobs WHERE response_id = ? AND ${guard.sql}`, params: [id, ...guard.params] }
}

/** What is left of the guards here: the lock; and that no job is left, which one had to be ended for. */
function unlock(conversation: string, holder: string, { instance }: WriteContext): Statement {
  return {
    sql: `UPDATE conversations SET lock_owner = NULL, lock_holder = NULL
      WHERE id = ? AND lock_owner = ? AND lock_holder = ?
        AND NOT EXISTS (SELECT 1 FROM jobs WHERE response_id = ?) RETURNING id`,
    params: [conversation, instance, holder, holder],
  }
}

const insertJob = insertInto('jobs', [
  'response_id',
  'project',
  { number: 'created_at' },
  { number: 'expires_at' },
  'previous_id',
  'conversation',
  { number: 'streamed' },
  'request',
  { number: 'takes' },
  'accepted_by',
])

export function acceptJob(job: JobAccept, context: WriteContext): Plan<null> {
  const { id, project, events, idempotency } = job
  const turn: TurnCommit = {
    ...job,
    keep: true,
    kind: 'response',
    status: 'queued',
    background: true,
    provider: null,
    output: '[]',
    outputIds: [],
    conversationItems: null,
  }
  const statements = [
    addResponse(turn, unguarded),
    ...itemStatements(turn, unguarded),
    ...(events === null ? [] : eventStatements(id, events, unguarded)),
    insertJob([
      id,
      project,
      job.createdAt,
      job.expiresAt,
      job.previousId,
      job.conversation,
      flag(job.streamed),
      pack(job.request).blob,
      0,
      context.instance,
    ]),
  ]
  if (idempotency !== null) {
    statements.push(completeWith({ ...idempotency, project, response: id, guard: unguarded, context }))
  }
  return { statements, value: () => null }
}

export function deleteResponse(
  { project, id }: { project: string; id: string },
  { now }: WriteContext,
): Plan<boolean> {
  const remove: Statement = {
    sql: 'DELETE FROM responses WHERE id = ? AND project = ? RETURNING expires_at',
    params: [id, project],
  }
  const stored: Guard = {
    sql: 'EXISTS (SELECT 1 FROM responses WHERE id = ? AND project = ?)',
    params: [id, project],
  }
  return {
    locks: [nameOf.response(id)],
    // The lock of a turn that runs unstored stays: what is not stored is not there to be deleted.
    statements: [unlockFor(id, stored), remove, ...removeRest(id)],
    value: ([, removed]) => removed?.[0] !== undefined && !hasExpired(removed[0], now),
  }
}

/** Gives back the lock of a response that ends without its commit. */
export function unlockFor(id: string, guard: Guard): Statement {
  return {
    sql: `UPDATE conversations SET lock_owner = NULL, lock_holder = NULL WHERE lock_holder = ? AND ${guard.sql}`,
    params: [id, ...guard.params],
  }
}

/** What belongs to a response that has just been removed; nothing when it is still there. */
export function removeRest(id: string): Statement[] {
  const gone = 'NOT EXISTS (SELECT 1 FROM responses WHERE id = ?)'
  const params = [id, id]
  return [
    { sql: `DELETE FROM items WHERE holder = ? AND ${gone}`, params },
    { sql: `DELETE FROM response_events WHERE response_id = ? AND ${gone}`, params },
    { sql: `DELETE FROM jobs WHERE response_id = ? AND ${gone}`, params },
    { sql: `DELETE FROM idempotency_keys WHERE response = ? AND ${gone}`, params },
  ]
}

export function hasExpired({ expires_at: expiresAt }: SqlRow, now: number): boolean {
  return typeof expiresAt === 'number' && expiresAt <= now
}
