/** Background responses: polled or streamed, some under a key, some cancelled; each comes to one end, and only one. */
import assert from 'node:assert/strict'
import type { CanonicalEvent } from '../../translators/shared/canonical.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { type CrashProvider, outputLines } from './provider.ts'
import type { Random } from './random.ts'
import {
  type CrashClient,
  call,
  callWell,
  findEnded,
  isEnd,
  Lost,
  pollUntil,
  type Round,
  readStream,
} from './round.ts'
import { type Ask, renderAsk } from './script.ts'
import { expectLines, makeAsk } from './turns.ts'

export interface BackgroundOptions {
  name: string
  random: Random
  provider: CrashProvider
  stream: boolean
  model: 'plain' | 'native'
}

interface Job {
  ask: Ask
  key: string | null
  body: object
  /** A call to create it has been made. */
  isSent: boolean
  /** Null until it is acknowledged. */
  id: string | null
  /** Of a stream: what has been seen, in order and without doubles. */
  text: string
  events: CanonicalEvent[]
  /** Deaths before it began. */
  firstDeaths: number
  /** Whether a cancel was asked for, and what was answered. */
  cancel: 'no' | 'asked' | 'answered'
  /** The final object. */
  final: Record<string, unknown> | null
}

interface Background extends BackgroundOptions {
  current: Job | null
  ended: Job[]
  /** Sent without a key and never acknowledged: whether they are there nobody knows, and a second call is another job. */
  unknown: Job[]
}

export function createBackgroundClient(options: BackgroundOptions): CrashClient {
  const background: Background = { ...options, current: null, ended: [], unknown: [] }
  return {
    name: options.name,
    async act(round) {
      const job = chooseJob(background, round)
      await advance(background, round, job)
      checkEnd(background, round, job)
      background.ended.push(job)
      background.current = null
    },
    async verify(round) {
      for (const job of background.ended.slice(-4)) await checkKept(round, job)
    },
    async finish(round) {
      if (background.current?.id != null) {
        await advance(background, round, background.current)
        checkEnd(background, round, background.current)
      }
      for (const job of background.ended) await checkKept(round, job)
      for (const job of background.unknown)
        checkRuns(background.provider, job, round.deaths() - job.firstDeaths)
    },
  }
}

/** The one that is under way, unless it cannot be found again. */
function chooseJob(background: Background, round: Round): Job {
  const { current, unknown } = background
  if (current !== null && (!current.isSent || current.id !== null || current.key !== null)) return current
  if (current !== null) unknown.push(current)
  const job = makeJob(background, round)
  background.current = job
  return job
}

function makeJob({ random, stream, model }: Background, round: Round): Job {
  const ask = makeAsk(random, 'job', { delay: random.pick([0, 5, 20, 60]) })
  const body = { model, input: renderAsk(ask), background: true, stream }
  const key = random.chance(0.4) ? `job-${ask.tag}` : null
  return {
    ask,
    key,
    body,
    isSent: false,
    id: null,
    text: '',
    events: [],
    firstDeaths: round.deaths(),
    cancel: 'no',
    final: null,
  }
}

/** Goes on with the job from wherever it stands, to its end. */
async function advance({ random, stream }: Background, round: Round, job: Job): Promise<void> {
  if (stream) await advanceStream(random, round, job)
  else await advancePolled(random, round, job)
}

async function advancePolled(random: Random, round: Round, job: Job): Promise<void> {
  if (job.id === null) {
    const headers: Record<string, string> = job.key === null ? {} : { 'idempotency-key': job.key }
    job.isSent = true
    const accepted = (await callWell(round, '/v1/responses', { body: job.body, headers })).json()
    round.say('accepted')
    // A repeated call after a death has the first one's answer.
    assert.equal(accepted.status, 'queued')
    job.id = String(accepted.id)
  }
  const id = job.id
  job.final = await pollUntil(round, async () => {
    if (job.cancel === 'no' && random.chance(0.03)) await cancel(round, job)
    return findEnded(round, id)
  })
  round.say('ended')
}

async function advanceStream(random: Random, round: Round, job: Job): Promise<void> {
  if (job.id !== null && job.cancel === 'no' && random.chance(0.1)) await cancel(round, job)
  const isKnown = job.id !== null && job.events.length > 0
  const after = job.events.length - 1
  const headers: Record<string, string> = job.key === null ? {} : { 'idempotency-key': job.key }
  job.isSent = true
  const { text, events, isDone } = isKnown
    ? await readStream(round, `/v1/responses/${job.id}?stream=true&starting_after=${after}`)
    : await readStream(round, '/v1/responses', { body: job.body, headers })
  if (isKnown && events.length > 0)
    assert.equal(events[0]?.sequence_number, after + 1, 'a resumed stream goes on where it was left')
  job.text += text
  job.events.push(...events)
  const first = job.events[0]?.response as { id: string } | undefined
  if (first !== undefined) job.id = first.id
  const last = job.events.at(-1)
  if (last !== undefined && isEnd(last)) job.final = last.response as Record<string, unknown>
  else if (isDone) assert.fail(`a stream ends in ${JSON.stringify(last)}`)
  else throw new Lost('the stream was cut')
}

async function cancel(round: Round, job: Job): Promise<void> {
  job.cancel = 'asked'
  const answer = await call(round, `/v1/responses/${job.id}/cancel`, { method: 'POST' })
  assert.equal(answer.status, 200, answer.text)
  if (answer.json().status === 'cancelled') job.cancel = 'answered'
}

/** How a job may end: as asked; cancelled, when that was asked; failed, when the gateway died over it. */
function checkEnd({ provider }: Background, round: Round, job: Job): void {
  const { ask, body, firstDeaths, final } = job
  // A job runs in every life of the gateway, whether its client is there or not.
  const deaths = round.deaths() - firstDeaths
  const { stream, input } = body as { stream: boolean; input: string }
  if (stream) assertLegalStream(job.events)
  assert.ok(final !== null)
  const lines = expectLines(null, [{ type: 'message', role: 'user', content: input }], ask)
  if (job.cancel === 'answered') assert.equal(final.status, 'cancelled', 'what was cancelled stays so')
  if (final.status === 'completed') assert.deepEqual(outputLines(final), lines.slice(-1))
  else if (final.status === 'failed') {
    assert.equal((final.error as { code: string }).code, 'gateway_restarted', JSON.stringify(final.error))
    assert.ok(deaths > 0, 'nothing fails without a death')
  } else {
    assert.equal(final.status, 'cancelled')
    assert.notEqual(job.cancel, 'no', 'nothing is cancelled by itself')
  }
  checkRuns(provider, job, deaths)
}

/** Once before each death and after the last one at most, and never twice at a time. */
function checkRuns(provider: CrashProvider, { ask, id }: Job, deaths: number): void {
  const { begun, most, story } = provider.countCalls(ask.tag)
  const told = `${ask.tag} (${id}), which went through ${deaths} deaths: ${story.join('; ')}`
  assert.ok(most <= 1, `${most} runs at once of ${told}`)
  assert.ok(begun <= deaths + 1, `${begun} runs of ${told}`)
}

/** What has ended stays as it was, and its events stay, byte for byte. */
async function checkKept(round: Round, job: Job): Promise<void> {
  const path = `/v1/responses/${job.id}`
  const found = (await callWell(round, path)).json()
  assert.deepEqual(found, job.final)
  const stream = await readStream(round, `${path}?stream=true`)
  if (round.dead.aborted) return
  if (job.events.length > 0) assert.equal(stream.text, job.text, 'the same events, byte for byte')
  else assertLegalStream(stream.events)
}
