/** Turns, jobs and rows for the tests of the state store. */

import Database from 'better-sqlite3'
import type { JobAccept, StateStore, TurnCommit } from '../../../server/store/state/state.ts'

let made = 0

export function makeId(prefix: string): string {
  made += 1
  return `${prefix}_${made}`
}

export interface TestItem {
  id: string
  type: string
  text: string
}

export function makeItem(text: string, id = makeId('msg'), type = 'message'): TestItem {
  return { id, type, text }
}

/** A finished turn that says `input` and `output`, unless `changes` says otherwise. */
export function makeTurn({
  input = [makeItem('in')],
  output = [makeItem('out')],
  ...changes
}: Partial<Omit<TurnCommit, 'input' | 'output'>> & {
  input?: TestItem[]
  output?: TestItem[]
} = {}): TurnCommit {
  const id = changes.id ?? makeId('resp')
  return {
    keep: true,
    id,
    project: 'acme',
    kind: 'response',
    createdAt: Date.now(),
    expiresAt: null,
    previousId: null,
    conversation: null,
    status: 'completed',
    background: false,
    streamed: false,
    model: 'org/model',
    provider: 'one',
    include: [],
    input: JSON.stringify(input),
    output: JSON.stringify(output),
    body: JSON.stringify({ id, object: 'response', output: [] }),
    inputIds: input.map((item) => item.id),
    outputIds: output.map((item) => item.id),
    events: null,
    conversationItems: null,
    idempotency: null,
    ...changes,
  }
}

export function makeJob(changes: Partial<JobAccept> = {}): JobAccept {
  const id = changes.id ?? makeId('resp')
  const item = makeItem('asked')
  return {
    id,
    project: 'acme',
    createdAt: Date.now(),
    expiresAt: null,
    previousId: null,
    conversation: null,
    streamed: true,
    model: 'org/model',
    include: [],
    input: JSON.stringify([item]),
    inputIds: [item.id],
    body: JSON.stringify({ id, status: 'queued', output: [] }),
    request: JSON.stringify({ model: 'org/model' }),
    events: null,
    idempotency: null,
    ...changes,
  }
}

/** The turn that ends a job. */
export function endOf(job: JobAccept, changes: Partial<TurnCommit> = {}): TurnCommit {
  const { request: _, idempotency: __, events: ___, ...rest } = job
  return { ...makeTurn({ id: job.id }), ...rest, background: true, ...changes }
}

export async function makeConversation(
  state: StateStore,
  project = 'acme',
  texts: string[] = [],
): Promise<string> {
  const id = makeId('conv')
  const items = texts.map((text) => ({ ...makeItem(text) }))
  await state.createConversation({
    id,
    project,
    createdAt: Date.now(),
    expiresAt: null,
    metadata: {},
    items: items.map((item) => ({ id: item.id, text: JSON.stringify(item), provider: null })),
  })
  return id
}

/** Events as a stream has them, with these sequence numbers. */
export function makeEvents(first: number, count: number, size = 10) {
  const texts = Array.from(
    { length: count },
    (_, index) => `event: e\ndata: {"sequence_number":${first + index},"pad":"${'x'.repeat(size)}"}\n\n`,
  )
  return { first, count, text: texts.join('') }
}

/** How many rows the state has, by table; tables without any are left out. */
export function countRows(path: string): Record<string, number> {
  const database = new Database(path, { readonly: true })
  try {
    const tables = [
      'responses',
      'items',
      'response_events',
      'jobs',
      'conversations',
      'conversation_items',
      'idempotency_keys',
    ]
    const counts = tables.map((table) => {
      const row = database.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }
      return [table, row.n] as const
    })
    return Object.fromEntries(counts.filter(([, n]) => n > 0))
  } finally {
    database.close()
  }
}

export const hourAgo = () => Date.now() - 3_600_000
export const inAnHour = () => Date.now() + 3_600_000
