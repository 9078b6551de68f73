/**
 * The soak's clients, in a process of their own: at a steady rate, each arrival does one of the things that clients do.
 * Arrivals do not wait for each other, so a gateway that slows down gets no relief. Counts what came of them.
 */
import { Agent, request } from 'undici'
import { adminKey, projectKey } from '../bench/processes.ts'
import { createRandom } from '../crash/random.ts'

export interface TrafficOrder {
  port: number
  /** Arrivals in a second. */
  rate: number
  seed: number
  /** Whether some of them look at the admin API. Default true. */
  admin?: boolean
}

/** Since the start, by kind of arrival. */
export interface TrafficCounts {
  started: number
  ended: number
  /** Ended as they should not have, and the first few reasons. */
  unexpected: number
  complaints: string[]
  kinds: Record<string, number>
  /** Milliseconds of those that ended since the last report: the median and the 99th percentile. */
  p50: number | null
  p99: number | null
}

type Kind = () => Promise<unknown>

const agent = new Agent({ connections: 256, pipelining: 1, keepAliveTimeout: 60_000 })
const counts: TrafficCounts = {
  started: 0,
  ended: 0,
  unexpected: 0,
  complaints: [],
  kinds: {},
  p50: null,
  p99: null,
}
let latencies: number[] = []
let origin = ''
let random = createRandom(1)
let withAdmin = true

/** What a share of the arrivals does; the shares add up to 100. */
const kinds: readonly [name: string, share: number, run: Kind][] = [
  ['json', 48, () => expectOk(createBody())],
  ['stream', 20, () => expectOk(createBody({ stream: true }))],
  ['slow stream', 6, () => expectOk(createBody({ stream: true, model: 'mock-slow' }))],
  ['chain', 6, runChain],
  ['background', 3, runBackground],
  ['conversation', 2, runConversation],
  ['idempotent', 2, runIdempotent],
  ['hang-up', 4, hangUp],
  ['unknown model', 3, () => expectStatus(createBody({ model: `none-${random.integer(1, 1000)}` }), 404)],
  ['bad body', 3, () => expectStatus(createBody({ temperature: 'hot' }), 400)],
  ['admin', 3, lookAtPages],
]

function createBody(members: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    model: 'mock',
    store: false,
    instructions: 'Answer in one sentence. '.repeat(10),
    input: `Turn ${random.integer(1, 1_000_000)}: ${'what came of it? '.repeat(random.integer(1, 60))}`,
    metadata: { team: `team-${random.integer(1, 12)}`, run: `run-${random.integer(1, 5000)}` },
    user: `user-${random.integer(1, 2000)}`,
    ...members,
  }
}

async function send(
  method: 'POST' | 'GET' | 'DELETE',
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  const answer = await request(`${origin}${path}`, {
    dispatcher: agent,
    method,
    headers: {
      authorization: `Bearer ${projectKey}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? null : JSON.stringify(body),
  })
  return { status: answer.statusCode, text: await answer.body.text() }
}

async function expectStatus(body: unknown, status: number): Promise<string> {
  const answer = await send('POST', '/v1/responses', body)
  if (answer.status !== status) throw new Error(`${answer.status} ${answer.text.slice(0, 200)}`)
  return answer.text
}

async function expectOk(body: Record<string, unknown>): Promise<void> {
  const text = await expectStatus(body, 200)
  if (body.stream === true && !text.includes('event: response.completed'))
    throw new Error(`a stream without its end: ${text.slice(-200)}`)
}

const idOf = (text: string) => String((JSON.parse(text) as { id: unknown }).id)

/** A few stored turns, which are deleted again: what is kept for clients is not what the soak is about. */
async function runChain(): Promise<void> {
  const ids: string[] = []
  for (let turn = 0; turn < 3; turn++) {
    const previous = ids.at(-1)
    const text = await expectStatus(
      createBody({ store: true, ...(previous === undefined ? {} : { previous_response_id: previous }) }),
      200,
    )
    ids.push(idOf(text))
  }
  for (const id of ids.reverse()) await send('DELETE', `/v1/responses/${id}`)
}

async function runBackground(): Promise<void> {
  const id = idOf(await expectStatus(createBody({ store: true, background: true }), 200))
  for (let look = 0; look < 100; look++) {
    const { text } = await send('GET', `/v1/responses/${id}`)
    const { status } = JSON.parse(text) as { status: string }
    if (status === 'completed') {
      await send('DELETE', `/v1/responses/${id}`)
      return
    }
    if (status !== 'queued' && status !== 'in_progress') throw new Error(`a job ended as ${status}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error('a job did not end within 20 s')
}

async function runConversation(): Promise<void> {
  const { text } = await send('POST', '/v1/conversations', {})
  const conversation = idOf(text)
  await expectStatus(createBody({ conversation }), 200)
  await expectStatus(createBody({ conversation }), 200)
  await send('DELETE', `/v1/conversations/${conversation}`)
}

async function runIdempotent(): Promise<void> {
  const headers = { 'idempotency-key': `soak-${random.integer(1, 1_000_000_000)}` }
  const body = createBody()
  const first = await send('POST', '/v1/responses', body, headers)
  const second = await send('POST', '/v1/responses', body, headers)
  if (first.text !== second.text) throw new Error(`a replay differs: ${second.text.slice(0, 200)}`)
}

/** Leaves in the middle of a slow stream. */
async function hangUp(): Promise<void> {
  const signal = AbortSignal.timeout(random.integer(1, 800))
  try {
    const answer = await request(`${origin}/v1/responses`, {
      dispatcher: agent,
      method: 'POST',
      headers: { authorization: `Bearer ${projectKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(createBody({ stream: true, model: 'mock-slow' })),
      signal,
    })
    await answer.body.text()
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

const pages = [
  '/admin/requests?limit=50',
  '/admin/requests?status=failed&limit=50',
  '/admin/requests?q=came&limit=20',
  '/admin/overview',
  '/admin/facets',
  '/metrics',
]

async function lookAtPages(): Promise<void> {
  if (!withAdmin) return
  const page = random.pick(pages)
  const { status, text } = await send('GET', page, undefined, { 'x-admin-key': adminKey })
  if (status !== 200) throw new Error(`${page} answered ${status} ${text.slice(0, 200)}`)
}

/** `draw`: 1..100. */
function chooseKind(draw: number): [name: string, run: Kind] {
  let left = draw
  for (const [name, share, run] of kinds) {
    left -= share
    if (left <= 0) return [name, run]
  }
  throw new Error('The shares of the kinds do not add up to 100.')
}

function arrive(): void {
  const [name, run] = chooseKind(random.integer(1, 100))
  const startedAt = performance.now()
  counts.started += 1
  counts.kinds[name] = (counts.kinds[name] ?? 0) + 1
  run()
    .catch((error: unknown) => {
      counts.unexpected += 1
      if (counts.complaints.length < 10) counts.complaints.push(`${name}: ${String(error)}`)
    })
    .finally(() => {
      counts.ended += 1
      latencies.push(performance.now() - startedAt)
    })
}

/** Arrivals that are late are made up for, so that the rate is what was ordered. */
function start({ port, rate, seed, admin = true }: TrafficOrder): void {
  withAdmin = admin
  origin = `http://127.0.0.1:${port}`
  random = createRandom(seed)
  const begun = performance.now()
  setInterval(() => {
    const due = ((performance.now() - begun) / 1000) * rate
    while (counts.started < due) arrive()
  }, 5)
}

process.on('disconnect', () => process.exit())

process.on('message', (order: TrafficOrder | 'report') => {
  if (order !== 'report') {
    start(order)
    return
  }
  const sorted = latencies.sort((a, b) => a - b)
  latencies = []
  const quantile = (share: number) => sorted[Math.floor(sorted.length * share)] ?? null
  process.send?.({ ...counts, p50: quantile(0.5), p99: quantile(0.99) })
})
