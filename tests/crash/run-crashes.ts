/** The story of the crash suite: start, check, work, kill, and again; at the end everything is looked at once more. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { createBackgroundClient } from './background-client.ts'
import { createChainClient } from './chain-client.ts'
import { createConversationClients } from './conversation-client.ts'
import {
  type GatewayProcess,
  NotStarted,
  startGatewayProcess,
  storeFile,
  writeConfig,
} from './gateway-process.ts'
import { createIdempotentClient } from './idempotent-client.ts'
import { createPassingClient } from './passing-client.ts'
import { type CrashProvider, startProvider } from './provider.ts'
import { createRandom, type Random } from './random.ts'
import { type CrashClient, Lost, type Moment, type Round } from './round.ts'

export interface CrashPlan {
  kills: number
  seed: number
  /** Told how it goes on. */
  log(line: string): void
}

export interface CrashReport {
  /** How often each moment was followed by a kill. */
  kills: Record<string, number>
  /** How many things each client did that were answered. */
  acts: Record<string, number>
}

/** When the gateway is killed: at a moment's `count`th time, `wait` milliseconds after it (0: in the same step). */
interface Trigger {
  moment: Moment | 'call' | 'call ended' | 'start' | 'check' | 'time'
  count: number
  wait: number
}

interface Run {
  plan: CrashPlan
  random: Random
  folder: string
  provider: CrashProvider
  clients: CrashClient[]
  report: CrashReport
}

/** Rejects with what was wrong, naming seed and round. */
export async function runCrashes(plan: CrashPlan): Promise<CrashReport> {
  const folder = await mkdtemp(join(tmpdir(), 'dragoman-crash-'))
  const provider = await startProvider()
  const random = createRandom(plan.seed)
  const report: CrashReport = { kills: {}, acts: {} }
  const run: Run = { plan, random, folder, provider, clients: makeClients(random, provider), report }
  let round = 0
  try {
    await writeConfig({ folder, provider: provider.origin })
    for (round = 1; round <= plan.kills; round++) await runRound(run, round)
    await finish(run)
    await rm(folder, { recursive: true, force: true })
    return report
  } catch (error) {
    throw new Error(`seed ${plan.seed}, round ${round}, store in ${folder}: ${(error as Error).message}`, {
      cause: error,
    })
  } finally {
    await provider.close()
  }
}

function makeClients(random: Random, provider: CrashProvider): CrashClient[] {
  const background = [
    { stream: false, model: 'plain' },
    { stream: false, model: 'native' },
    { stream: true, model: 'plain' },
    { stream: true, model: 'native' },
  ] as const
  return [
    createChainClient({ name: 'chain', random: random.fork(), stream: false }),
    createChainClient({ name: 'streamed chain', random: random.fork(), stream: true }),
    ...createConversationClients('conversation', random.fork()),
    createIdempotentClient({ name: 'keys', random: random.fork(), provider }),
    createIdempotentClient({ name: 'more keys', random: random.fork(), provider }),
    createPassingClient('passing', random.fork()),
    ...background.map(({ stream, model }) =>
      createBackgroundClient({
        name: `${model} ${stream ? 'streamed' : 'polled'} background`,
        random: random.fork(),
        provider,
        stream,
        model,
      }),
    ),
  ]
}

function chooseTrigger(random: Random): Trigger {
  const moment = random.pick([
    'event',
    'event',
    'ended',
    'ended',
    'accepted',
    'call',
    'call ended',
    'call ended',
    'start',
    'check',
    'time',
  ] as const)
  const wait =
    moment === 'time'
      ? random.integer(50, random.pick([600, 3000]))
      : random.pick([0, 0, random.integer(1, 12)])
  return { moment, count: random.integer(1, random.pick(most[moment] ?? [1])), wait }
}

/** Up to how many times a moment may come before the one that counts: some kills early, some in full traffic. */
const most: Partial<Record<Trigger['moment'], number[]>> = {
  event: [60, 600],
  ended: [10, 60],
  accepted: [3, 8],
  call: [15, 80],
  'call ended': [15, 60],
  start: [15],
}

/** Milliseconds after which the gateway is killed whatever has or has not happened. */
const longestRound = 2000

async function runRound(run: Run, number: number): Promise<void> {
  const { random, report, plan } = run
  const trigger = chooseTrigger(random)
  const killer = createKiller(trigger)
  const gateway = await startOrDie(run, killer)
  if (gateway !== null) {
    try {
      await live(run, number, gateway, trigger, killer)
    } finally {
      gateway.kill()
    }
    const { signal } = await gateway.exit
    assert.equal(signal, 'SIGKILL', `the gateway ends by nothing else: ${gateway.complaints()}`)
    assert.equal(gateway.complaints(), '', 'the gateway has nothing to complain about')
  }
  assert.deepEqual(run.provider.complaints, [])
  const name = killer.fired() ? trigger.moment : `${trigger.moment}, not reached`
  addOne(report.kills, name)
  plan.log(`round ${number}: killed at ${name} (${trigger.count}, ${trigger.wait} ms)`)
}

function addOne(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}

/** One life: what was acknowledged before is looked for, then there is traffic until death. */
async function live(
  run: Run,
  life: number,
  gateway: GatewayProcess,
  trigger: Trigger,
  killer: Killer,
): Promise<void> {
  const { provider, random, clients, report } = run
  const round: Round = { life, origin: gateway.origin, dead: gateway.dead, say: killer.say }
  provider.onCall((moment) => killer.say(moment === 'begun' ? 'call' : 'call ended'))
  if (trigger.moment === 'check') setTimeout(gateway.kill, random.integer(0, 150))
  if (!(await checkAll(clients, round, 'verify'))) return
  const limit = setTimeout(gateway.kill, trigger.moment === 'time' ? trigger.wait : longestRound)
  killer.arm()
  await Promise.all(clients.map((client) => actUntilDeath(client, round, report.acts)))
  clearTimeout(limit)
}

interface Killer {
  /** Gets the way to kill as soon as there is one. */
  take(kill: () => void): void
  /** From now on moments count. */
  arm(): void
  say(moment: Trigger['moment']): void
  fired(): boolean
}

function createKiller({ moment, count, wait }: Trigger): Killer {
  let kill = () => {}
  let armed = false
  let seen = 0
  return {
    take(next) {
      kill = next
      // In the middle of opening its store, or a little later.
      if (moment === 'start') setTimeout(kill, 40 * count)
    },
    arm() {
      armed = true
    },
    say(said) {
      if (!armed || said !== moment || ++seen !== count) return
      if (wait === 0) kill()
      else setTimeout(kill, wait)
    },
    fired: () => moment === 'start' || moment === 'check' || moment === 'time' || seen >= count,
  }
}

/** Null: it was killed before it listened. */
async function startOrDie({ folder }: Run, killer: Killer): Promise<GatewayProcess | null> {
  try {
    return await startGatewayProcess(folder, killer.take)
  } catch (error) {
    if (!(error instanceof NotStarted)) throw error
    assert.equal(error.message, '', 'the gateway says nothing but that it was killed')
    return null
  }
}

/** False: the gateway died over it, and what was not checked is checked the next time. */
async function checkAll(
  clients: readonly CrashClient[],
  round: Round,
  what: 'verify' | 'finish',
): Promise<boolean> {
  const results = await Promise.allSettled(clients.map((client) => named(client, () => client[what](round))))
  for (const result of results)
    if (result.status === 'rejected' && !(result.reason instanceof Lost)) throw result.reason
  return !round.dead.aborted
}

async function actUntilDeath(client: CrashClient, round: Round, acts: CrashReport['acts']): Promise<void> {
  while (!round.dead.aborted) {
    try {
      await named(client, () => client.act(round))
      addOne(acts, client.name)
    } catch (error) {
      if (error instanceof Lost) return
      throw error
    }
  }
}

/** Says whose error it is. */
async function named<Result>({ name }: CrashClient, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof Lost) throw error
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error })
  }
}

/** One more life, without a kill: everything that was ever acknowledged is there, and nothing is left running. */
async function finish({ plan, folder, clients, provider }: Run): Promise<void> {
  const gateway = await startGatewayProcess(folder)
  const round: Round = { life: plan.kills + 1, origin: gateway.origin, dead: gateway.dead, say: () => {} }
  assert.ok(await checkAll(clients, round, 'finish'), 'the gateway lives')
  assert.deepEqual(provider.complaints, [])
  assert.deepEqual(await gateway.stop(), { code: 0, signal: null })
  assert.equal(gateway.complaints(), '')
  checkStore(folder)
}

function checkStore(folder: string): void {
  const database = new Database(storeFile(folder), { readonly: true })
  const count = (sql: string) => (database.prepare(sql).get() as { count: number }).count
  assert.equal(database.pragma('integrity_check', { simple: true }), 'ok')
  for (const [what, sql] of [
    ['job', 'SELECT count(*) AS count FROM jobs'],
    ['claim', 'SELECT count(*) AS count FROM idempotency_keys WHERE answer IS NULL'],
    ['lock', 'SELECT count(*) AS count FROM conversations WHERE lock_holder IS NOT NULL'],
    ['response', "SELECT count(*) AS count FROM responses WHERE status IN ('queued', 'in_progress')"],
    ['request', "SELECT count(*) AS count FROM requests WHERE status IN ('queued', 'in_progress')"],
  ] as const)
    assert.equal(count(sql), 0, `no ${what} is left running`)
  database.close()
}
