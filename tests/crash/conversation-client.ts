/** Two clients at once on one conversation: what it holds are whole turns, each answered with all before it in view. */
import assert from 'node:assert/strict'
import type { Random } from './random.ts'
import {
  type CrashClient,
  call,
  callWell,
  clientOf,
  findEnded,
  Lost,
  lose,
  pollUntil,
  type Round,
  readStream,
} from './round.ts'
import { type Ask, answerLines, parseAsk, renderAsk } from './script.ts'
import { listItems, makeAsk } from './turns.ts'

/** A turn that was sent, and whether its answer was seen. */
interface Asked {
  ask: Ask
  isSeen: boolean
}

/** A conversation that was acknowledged, and what happened on it. */
interface Talk {
  id: string
  /** By its tag. */
  asked: Map<string, Asked>
  /** Background responses on it that were acknowledged and not seen to end, by id. */
  jobs: Map<string, Asked>
  /** Texts that were added without a response, and whether that was acknowledged. */
  notes: Map<string, boolean>
}

/** Turns until the clients go on to a new conversation. */
const longest = 25

/** Two clients that share their conversations; the second leaves the checks to the first. */
export function createConversationClients(name: string, random: Random): CrashClient[] {
  const talks: Talk[] = []
  const first: CrashClient = {
    name,
    act: (round) => act(talks, random, round),
    async verify(round) {
      for (const talk of talks.slice(-2)) await checkTalk(round, talk)
    },
    async finish(round) {
      for (const talk of talks) {
        for (const id of talk.jobs.keys()) await followJob(talk, round, id)
        await checkTalk(round, talk)
      }
    },
  }
  const other = random.fork()
  const second: CrashClient = {
    name: `${name} too`,
    act: (round) => act(talks, other, round),
    verify: async () => {},
    finish: async () => {},
  }
  return [first, second]
}

async function act(talks: Talk[], random: Random, round: Round): Promise<void> {
  const talk = talks.at(-1)
  if (talk === undefined || talk.asked.size >= longest) talks.push(await createTalk(round))
  else if (random.chance(0.15)) await addNote(talk, random, round)
  else await takeTurn(talk, random, round)
}

async function createTalk(round: Round): Promise<Talk> {
  const { id } = await lose(round, () => clientOf(round).conversations.create({ metadata: { by: 'crash' } }))
  return { id, asked: new Map(), jobs: new Map(), notes: new Map() }
}

async function addNote({ id, notes }: Talk, random: Random, round: Round): Promise<void> {
  const text = `note ${makeAsk(random, 'note').tag}`
  notes.set(text, false)
  const items = [{ type: 'message', role: 'user', content: [{ type: 'input_text', text }] }]
  const answer = await call(round, `/v1/conversations/${id}/items`, { body: { items } })
  if (answer.status === 409) {
    assert.equal((answer.json().error as { code: string }).code, 'conversation_locked')
    notes.delete(text)
    return
  }
  assert.equal(answer.status, 200, answer.text)
  notes.set(text, true)
}

async function takeTurn(talk: Talk, random: Random, round: Round): Promise<void> {
  const ask = makeAsk(random, 'talk')
  const asked = { ask, isSeen: false }
  talk.asked.set(ask.tag, asked)
  const body = { model: 'plain', input: renderAsk(ask), conversation: talk.id }
  const way = random.pick(['json', 'stream', 'background'] as const)
  if (way === 'background') {
    const { id } = (await callWell(round, '/v1/responses', { body: { ...body, background: true } })).json()
    talk.jobs.set(String(id), asked)
    round.say('accepted')
    await followJob(talk, round, String(id))
    return
  }
  const store = random.chance(0.7)
  if (way === 'json') {
    const { status } = (await callWell(round, '/v1/responses', { body: { ...body, store } })).json()
    assert.equal(status, 'completed')
    round.say('ended')
  } else {
    const streamed = { ...body, store, stream: true }
    const { events, isDone } = await readStream(round, '/v1/responses', { body: streamed })
    const last = events.at(-1)
    if (last?.type !== 'response.completed') {
      if (isDone) throw new Error(`a stream ends in ${JSON.stringify(last)}`)
      throw new Lost('the stream was cut')
    }
  }
  asked.isSeen = true
}

/** To its end, which is a turn on the conversation, unless the gateway died over it too often. */
async function followJob({ jobs }: Talk, round: Round, id: string): Promise<void> {
  const { status, error } = await pollUntil(round, () => findEnded(round, id))
  const asked = jobs.get(id) as Asked
  jobs.delete(id)
  if (status === 'completed') asked.isSeen = true
  else assert.equal((error as { code: string } | null)?.code, 'gateway_restarted', `${id} is ${status}`)
}

/**
 * Every question stands right before its answer, the answer is the one for all that stands before it, what was
 * acknowledged is there, once, and nothing is there that nobody said.
 */
async function checkTalk(round: Round, { id, asked, jobs, notes }: Talk): Promise<void> {
  for (const job of jobs.keys()) await callWell(round, `/v1/responses/${job}`)
  const lines = await listItems(round, `/v1/conversations/${id}/items`)
  const seen = new Set<string>()
  for (let index = 0; index < lines.length; index++) {
    const text = (lines[index] as string).replace(/^user: /, '')
    assert.ok(!seen.has(text), `'${text}' is there once`)
    seen.add(text)
    if (notes.has(text)) continue
    const ask = parseAsk(text)
    assert.ok(ask !== null && asked.has(ask.tag), `'${text}' in ${id} was said by nobody`)
    const context = lines.slice(0, ++index)
    assert.deepEqual(
      lines.slice(index, index + 1),
      answerLines(ask, context),
      `the answer to '${text}' in ${id}`,
    )
  }
  for (const { ask, isSeen } of asked.values())
    if (isSeen) assert.ok(seen.has(renderAsk(ask)), `the acknowledged turn ${ask.tag} stands in ${id}`)
  for (const [text, isSeen] of notes) if (isSeen) assert.ok(seen.has(text), `'${text}' stands in ${id}`)
}
