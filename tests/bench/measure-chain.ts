/** What a long chain costs: turn 1 000 beside turn 2, and beside a client that sends the same history itself. */
import { projectKey, type Target } from './processes.ts'

export interface ChainFigures {
  /** Turns of the chain. */
  turns: number
  /** Milliseconds of one turn, medians: the first ones, the last ones, and the last history sent whole. */
  first: number
  last: number
  sent: number
}

/** Turns that each median is taken of. */
const sample = 20

/** Makes a chain of `turns` turns, one after the other. Rejects when a turn fails. */
export async function measureChain(gateway: Target, turns: number): Promise<ChainFigures> {
  const times: number[] = []
  const history: object[] = []
  let previous: string | null = null
  for (let turn = 1; turn <= turns; turn++) {
    const message = { role: 'user', content: `This is turn ${turn} of a long conversation.` }
    const { id, output, took } = await ask(gateway, { input: [message], previous_response_id: previous })
    times.push(took)
    history.push(message, ...output)
    previous = id
  }
  const sent: number[] = []
  for (let round = 0; round < sample; round++)
    sent.push((await ask(gateway, { input: history, store: false })).took)
  // The very first turn has nothing to continue.
  return {
    turns,
    first: median(times.slice(1, sample + 1)),
    last: median(times.slice(-sample)),
    sent: median(sent),
  }
}

async function ask(
  { port }: Target,
  members: object,
): Promise<{ id: string; output: object[]; took: number }> {
  const body = JSON.stringify({ model: 'mock', ...members })
  const startedAt = performance.now()
  const response = await fetch(`http://127.0.0.1:${port}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${projectKey}` },
    body,
  })
  const text = await response.text()
  const took = performance.now() - startedAt
  if (!response.ok)
    throw new Error(`a turn of the chain was answered ${response.status}: ${text.slice(0, 200)}`)
  const { id, output } = JSON.parse(text) as { id: string; output: object[] }
  return { id, output, took }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
