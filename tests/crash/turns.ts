/** A turn and what must be true of it: what the clients that chain responses share. */
import assert from 'node:assert/strict'
import { type Item, isObject } from '../../translators/shared/canonical.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { outputLines } from './provider.ts'
import type { Random } from './random.ts'
import { call, callWell, type Round, readStream } from './round.ts'
import { type Ask, answerLines, describeItem } from './script.ts'

/** A response that a client knows of. */
export interface Turn {
  id: string
  parent: Turn | null
  ask: Ask
  /** What the turn adds to the context, one line per item. */
  lines: readonly string[]
  /** The response object as the client got it; null while it is not known whether there is one. */
  response: unknown
  /** The events as the client got them; null for a JSON answer. */
  text: string | null
}

let tags = 0

/** A tag is unique in the process, so that the provider's counts are those of one call. */
export function makeAsk(random: Random, prefix: string, options: Partial<Ask> = {}): Ask {
  return {
    tag: `${prefix}${++tags}`,
    chunks: random.integer(0, 6),
    delay: random.pick([0, 0, 3, 15]),
    tool: false,
    ...options,
  }
}

export function contextOf(turn: Turn | null): string[] {
  const lines: string[] = []
  for (let one = turn; one !== null; one = one.parent) lines.unshift(...one.lines)
  return lines
}

export function depthOf(turn: Turn | null): number {
  let depth = 0
  for (let one = turn; one !== null; one = one.parent) depth += 1
  return depth
}

/** What an input and its answer add to a context. */
export function expectLines(parent: Turn | null, input: readonly Item[], ask: Ask): string[] {
  const own = input.map(describeItem)
  return [...own, ...answerLines(ask, [...contextOf(parent), ...own])]
}

export function assertAnswer(response: unknown, lines: readonly string[]): void {
  assert.ok(isObject(response))
  assert.equal(response.status, 'completed', JSON.stringify(response.error))
  assert.deepEqual(outputLines(response), lines.slice(-1), 'the answer is that of this context')
}

/** The response is there as it was acknowledged, with its context, and with its events where it had them. */
export async function checkTurn(round: Round, turn: Turn): Promise<void> {
  const found = (await callWell(round, `/v1/responses/${turn.id}`)).json()
  assert.deepEqual(found, turn.response)
  assert.deepEqual(await listInput(round, turn.id), [...contextOf(turn.parent), ...turn.lines.slice(0, -1)])
  const again = await readStream(round, `/v1/responses/${turn.id}?stream=true`)
  if (round.dead.aborted) return
  assertLegalStream(again.events)
  if (turn.text !== null) assert.equal(again.text, turn.text, 'the same events, byte for byte')
}

/** The response was begun, and nobody has seen its end: it is there as a whole, or not at all. */
export async function checkUnseen(round: Round, turn: Turn): Promise<Turn | null> {
  const stream = await fetchMaybe(round, `/v1/responses/${turn.id}`)
  if (stream === null) return null
  assertAnswer(stream, turn.lines)
  const whole = { ...turn, response: stream }
  await checkTurn(round, whole)
  return whole
}

async function fetchMaybe(round: Round, path: string): Promise<Record<string, unknown> | null> {
  const answer = await call(round, path)
  if (answer.status === 404) return null
  assert.equal(answer.status, 200, answer.text)
  return answer.json()
}

/** All input items of a response, page by page, as lines. */
export async function listInput(round: Round, id: string): Promise<string[]> {
  return listItems(round, `/v1/responses/${id}/input_items`)
}

/** All items of a list, the oldest first, as lines. */
export async function listItems(round: Round, path: string): Promise<string[]> {
  const lines: string[] = []
  for (let after: string | null = null; ; ) {
    const query: string = `?order=asc&limit=100${after === null ? '' : `&after=${after}`}`
    const page = (await callWell(round, path + query)).json() as {
      data: Item[]
      has_more: boolean
      last_id: string
    }
    lines.push(...page.data.map(describeItem))
    if (!page.has_more) return lines
    after = page.last_id
  }
}
