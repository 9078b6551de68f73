/** The story of the crash suite: start, check, work, kill, and again; at the end everything is looked at once more. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createBackgroundClient } from './background-client.ts'
import { createChainClient } from './chain-client.ts'
import { assertComplaints, checkGateway } from './check-gateway.ts'
import { checkRows, checkStore, checkSums, waitForRest } from './check-store.ts'
import { createConversationClients } from './conversation-client.ts'
import { type GatewayProcess, NotStarted, startGatewayProcess, writeConfig } from './gateway-process.ts'
import { createIdempotentClient } from './idempotent-client.ts'
import { chooseTrigger, createKiller, type Killer, type Trigger } from './killer.ts'
import { type Outage, planOutage } from './outage.ts'
import { createPassingClient } from './passing-client.ts'
import { type CrashProvider, startProvider } from './provider.ts'
import { createRandom, type Random } from './random.ts'
import { type CrashClient, Lost, type Round } from './round.ts'
import { openFilePlace, type StorePlace, startServerPlace } from './store-place.ts'

export interface CrashPlan {
  kills: number
  seed: number
  /** On PostgreSQL, whose server is killed as well, in about half of the rounds. Default: on SQLite. */
  postgres?: boolean
  /** Told how it goes on. */
  log(line: string): void
}

export interface CrashReport {
  /** How often each moment was followed by a kill. */
  kills: Record<string, number>
  /** How often who was killed. */
  victims: Record<string, number>
  /** How many things each client did that were answered. */
  acts: Record<string, number>
}

interface Run {
  plan: CrashPlan
  random: Random
  folder: string
  place: StorePlace
  provider: CrashProvider
  clients: CrashClient[]
  report: CrashReport
  /** So far. */
  deaths: number
  /** One that outlived the last round, and whether it has seen its store go. */
  gateway: GatewayProcess | null
  isTroubled: boolean
}

/** Rejects with what was wrong, naming seed and round. */
export async function runCrashes(plan: CrashPlan): Promise<CrashReport> {
  const folder = await mkdtemp(join(tmpdir(), 'dragoman-crash-'))
  const place = plan.postgres ? await startServerPlace() : openFilePlace(folder)
  const provider = await startProvider()
  const random = createRandom(plan.seed)
  const report: CrashReport = { kills: {}, victims: {}, acts: {} }
  const clients = makeClients(random, provider)
  const common = { plan, random, folder, place, provider, clients, report }
  const run: Run = { ...common, deaths: 0, gateway: null, isTroubled: false }
  let round = 0
  try {
    await writeConfig({ folder, provider: provider.origin, store: place.url })
    for (round = 1; round <= plan.kills; round++) await runRound(run, round)
    await finish(run)
    await rm(folder, { recursive: true, force: true })
    return report
  } catch (error) {
    throw new Error(`seed ${plan.seed}, round ${round}, store in ${folder}: ${(error as Error).message}`, {
      cause: error,
    })
  } finally {
    run.gateway?.kill()
    await provider.close()
    await place.close()
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

/** Milliseconds after which there is a kill whatever has or has not happened. */
const longestRound = 2000

async function runRound(run: Run, number: number): Promise<void> {
  const { random, report, plan, place } = run
  const trigger = chooseTrigger(random, place.server !== null)
  const killer = createKiller(trigger)
  if (trigger.moment === 'start') await stopGateway(run)
  if (trigger.victim === 'gateway' || place.server === null) await killGateway(run, trigger, killer)
  else {
    const onDown = () => {
      run.deaths += 1
    }
    await killServer(run, trigger, killer, planOutage({ server: place.server, trigger, onDown }))
  }
  assert.deepEqual(run.provider.complaints, [])
  const name = killer.fired() ? trigger.moment : `${trigger.moment}, not reached`
  addOne(report.kills, name)
  addOne(report.victims, trigger.victim)
  plan.log(`round ${number}: ${trigger.victim} killed at ${name} (${trigger.count}, ${trigger.wait} ms)`)
}

function addOne(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}

async function killGateway(run: Run, trigger: Trigger, killer: Killer): Promise<void> {
  const gateway = await startOrDie(run, (kill) => killer.take(kill))
  if (gateway !== null) {
    const { dead, kill, origin } = gateway
    try {
      const round = { ...roundOf(run), origin, dead, over: dead, say: killer.say }
      await live(run, round, { trigger, killer, kill })
    } finally {
      kill()
    }
    const { signal } = await gateway.exit
    assert.equal(signal, 'SIGKILL', `the gateway ends by nothing else: ${gateway.complaints()}`)
    assertComplaints(gateway, run.isTroubled)
  }
  run.gateway = null
  run.deaths += 1
}

/** The gateway stays, unless it was just starting: it says what is wrong, and is started again. */
async function killServer(run: Run, trigger: Trigger, killer: Killer, outage: Outage): Promise<void> {
  const gateway = await startOrDie(run, () => killer.take(outage.begin), outage)
  if (gateway === null) return outage.passed()
  run.isTroubled = true
  const answered = new Map<string, unknown>()
  const round: Round = {
    ...roundOf(run),
    origin: gateway.origin,
    dead: gateway.dead,
    over: outage.over,
    say: killer.say,
    isTroubled: outage.begun,
    answered: (id, asked) => answered.set(id, asked),
  }
  await Promise.all([live(run, round, { trigger, killer, kill: outage.begin }), outage.survived(gateway)])
  assertComplaints(gateway, true)
  await checkGateway(gateway)
  await checkRows(run.place, answered)
  await checkSums(run.place)
}

function roundOf(run: Run): Pick<Round, 'deaths' | 'isTroubled' | 'answered'> {
  return { deaths: () => run.deaths, isTroubled: () => false, answered: () => {} }
}

interface Life {
  trigger: Trigger
  killer: Killer
  kill(): void
}

/** What was acknowledged before is looked for, then there is traffic until the round is over. */
async function live(run: Run, round: Round, { trigger, killer, kill }: Life): Promise<void> {
  const { provider, random, clients, report } = run
  provider.onCall((moment) => killer.say(moment === 'begun' ? 'call' : 'call ended'))
  if (trigger.moment === 'check') setTimeout(kill, random.integer(0, 150))
  if (!(await checkAll(clients, round, 'verify'))) return
  const limit = setTimeout(kill, trigger.moment === 'time' ? trigger.wait : longestRound)
  killer.arm()
  await Promise.all(clients.map((client) => actUntilOver(client, round, report.acts)))
  clearTimeout(limit)
}

/** Null: it was killed before it listened, or its store was. `killed` gets the way to kill it as soon as it runs. */
async function startOrDie(
  run: Run,
  killed: (kill: () => void) => void,
  outage: Outage | null = null,
): Promise<GatewayProcess | null> {
  if (run.gateway !== null) {
    killed(run.gateway.kill)
    return run.gateway
  }
  run.isTroubled = false
  try {
    run.gateway = await startGatewayProcess(run.folder, killed)
    return run.gateway
  } catch (error) {
    if (!(error instanceof NotStarted)) throw error
    if (outage?.begun()) assert.match(error.message, /^The store postgres:\S+ cannot be reached\. /)
    else assert.equal(error.message, '', 'the gateway says nothing but that it was killed')
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

async function actUntilOver(client: CrashClient, round: Round, acts: CrashReport['acts']): Promise<void> {
  while (!round.over.aborted) {
    try {
      await named(client, () => client.act(round))
      addOne(acts, client.name)
    } catch (error) {
      if (!(error instanceof Lost)) throw error
      if (round.dead.aborted) return
      await pause(lostPause)
    }
  }
}

/** Milliseconds until a client that was refused tries again. */
const lostPause = 100

/** Says whose error it is. */
async function named<Result>({ name }: CrashClient, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof Lost) throw error
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error })
  }
}

/** Milliseconds in which what the dead have left is ended on PostgreSQL: twice as long as a dead one counts as alive, and more. */
const restTime = 90_000

/** One more life, without a kill: everything that was ever acknowledged is there, and nothing is left running. */
async function finish(run: Run): Promise<void> {
  const { clients, provider, place } = run
  const gateway = await startOrDie(run, () => {})
  assert.ok(gateway !== null, 'the gateway starts')
  if (place.server !== null) await waitForRest(place, restTime)
  const { origin, dead } = gateway
  const round: Round = { ...roundOf(run), origin, dead, over: dead, say: () => {} }
  assert.ok(await checkAll(clients, round, 'finish'), 'the gateway lives')
  assert.deepEqual(provider.complaints, [])
  await stopGateway(run)
  await checkStore(place)
}

async function stopGateway(run: Run): Promise<void> {
  const { gateway } = run
  if (gateway === null) return
  run.gateway = null
  assert.deepEqual(await gateway.stop(), { code: 0, signal: null })
  assertComplaints(gateway, run.isTroubled)
}
