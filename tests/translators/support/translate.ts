/** Helpers of the translation suites: a context without a world, and the machine run over lines or a body. */

import { translateResponsesBody } from '../../../translators/responses/body.ts'
import { createResponsesStream, type StreamHooks } from '../../../translators/responses/stream.ts'
import type {
  CanonicalEvent,
  CanonicalResponse,
  JsonObject,
  Usage,
} from '../../../translators/shared/canonical.ts'
import { makeFailure } from '../../../translators/shared/failures.ts'
import type {
  Adaptation,
  Context,
  UpstreamFacts,
  UpstreamFailure,
} from '../../../translators/shared/translator.ts'

export interface TestContext extends Context {
  notes: Adaptation[]
}

/** Ids count up, the clock stands still. */
export function makeContext(overrides: Partial<Context> = {}): TestContext {
  const notes: Adaptation[] = []
  let count = 0
  return {
    request: { model: 'acme/model', input: 'hi' },
    sent: { guards: {}, toolNames: {} },
    options: {},
    responseId: 'resp_ours',
    createdAt: 1_790_000_000,
    echo: {},
    newId: (prefix) => `${prefix}_ours${++count}`,
    now: () => 1_790_000_005,
    events: 'openai',
    note: (adaptation) => notes.push(adaptation),
    notes,
    ...overrides,
  }
}

/** Reads an error body as far as the tests look: its code and message. */
export const hooks: StreamHooks = {
  failure(_status, _headers, body): UpstreamFailure {
    const outer = (body ?? {}) as JsonObject
    const error = (
      typeof outer.error === 'object' && outer.error !== null ? outer.error : outer
    ) as JsonObject
    return makeFailure(
      String(error.code ?? 'upstream_error'),
      String(error.message ?? 'The provider failed.'),
    )
  },
}

export interface Outcome {
  events: CanonicalEvent[]
  final: CanonicalResponse | null
  failure: UpstreamFailure | null
  facts: UpstreamFacts
  context: TestContext
}

export interface RunOptions {
  context?: TestContext
  hooks?: Partial<StreamHooks>
  /** How the connection ended: in order, or cut with this code. */
  cut?: { code: string; message: string }
}

/** Runs the stream machine over data lines (strings as they are, objects as JSON). */
export function runStream(lines: readonly (string | object)[], options: RunOptions = {}): Outcome {
  const context = options.context ?? makeContext()
  const machine = createResponsesStream(context, { ...hooks, ...options.hooks })
  const events: CanonicalEvent[] = []
  for (const line of lines) {
    const data = typeof line === 'string' ? line : JSON.stringify(line)
    events.push(...machine.push({ event: '', data }))
  }
  events.push(...machine.end(options.cut))
  events.push(...machine.end(options.cut))
  return { events, final: machine.final, failure: machine.failure, facts: machine.facts, context }
}

/** Runs the body path. */
export function runBody(
  body: unknown,
  options: Omit<RunOptions, 'cut'> = {},
): Outcome & { usage: Usage | null; pending: { id: string } | null } {
  const context = options.context ?? makeContext()
  return { ...translateResponsesBody(body, context, { ...hooks, ...options.hooks }), context }
}

export const disconnected = { code: 'upstream_disconnected', message: 'The connection was cut.' }

const ownMembers = new Set(['id', 'status', 'created_at', 'completed_at'])

/** What an output says, without ids and times: for comparing two runs, or ours with the provider's. */
export function contentOf(output: unknown): unknown {
  return strip(output)
}

function strip(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strip)
  if (typeof value !== 'object' || value === null) return value
  const result: JsonObject = {}
  for (const [key, member] of Object.entries(value)) {
    if (!ownMembers.has(key) && member !== null) result[key] = strip(member)
  }
  return result
}
