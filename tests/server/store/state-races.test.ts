/**
 * State as several gateways write it at the same time on one PostgreSQL: each write is one of a moment, whatever the
 * others do between its statements.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import postgres from 'postgres'
import type { Driver } from '../../../server/store/engine/driver.ts'
import { migrate } from '../../../server/store/engine/migrate.ts'
import { migrations } from '../../../server/store/engine/migrations.ts'
import { openPostgres } from '../../../server/store/engine/postgres-driver.ts'
import { parsePostgresUrl } from '../../../server/store/engine/postgres-place.ts'
import { holdLease } from '../../../server/store/log/leases.ts'
import {
  commitGroup,
  type StateWrite,
  type StateWriteArgument,
  type StateWriteName,
  type StateWriteValue,
} from '../../../server/store/state/writes.ts'
import { createDatabase } from '../../support/postgres.ts'
import { endOf, makeEvents, makeId, makeJob, makeTurn } from './state-fixtures.ts'

const project = 'acme'

/** Each with connections of its own, as a gateway has them. */
async function openDatabase(t: TestContext, instances: readonly string[]) {
  const url = await createDatabase(t)
  const place = parsePostgresUrl(url)
  assert.ok(place)
  const open = (connections: number) => {
    const settings = { place, readonly: false, statementTimeout: 120_000, lockTimeout: 120_000 }
    const driver = openPostgres({ ...settings, patience: 120_000, connections })
    t.after(() => driver.close())
    return driver
  }
  const admin = open(1)
  await migrate({ driver: admin, name: 'test', steps: migrations, now: 0, tables: [] })
  const gateways = await Promise.all(
    instances.map(async (instance) => {
      const gateway = createGateway(instance, open(4))
      await gateway.write('beat', { milliseconds: 60_000 })
      return gateway
    }),
  )
  return { url, admin, gateways }
}

function createGateway(instance: string, driver: Driver) {
  async function group(writes: readonly StateWrite[]): Promise<unknown[]> {
    let tries = 0
    const outcomes = await commitGroup(writes, {
      driver,
      context: { instance, now: Date.now() },
      pause: async () => ++tries < 20,
      onProblem: () => undefined,
    })
    return outcomes.map((outcome) => {
      assert.ok(outcome.ok, outcome.ok ? '' : outcome.message)
      return outcome.value
    })
  }
  return {
    instance,
    driver,
    group,
    async write<K extends StateWriteName>(name: K, argument: StateWriteArgument<K>) {
      const [value] = await group([{ name, argument }])
      return value as StateWriteValue<K>
    },
  }
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

test('of many claims on a key one wins, and groups of them in any order do not wait in a circle', async (t) => {
  const { gateways } = await openDatabase(t, ['a', 'b', 'c'])
  const keys = numbers(40).map((index) => `key-${index}`)
  const claim = (key: string): StateWrite => ({
    name: 'claimKey',
    argument: { project, key, fingerprint: 'f', expiresAt: Date.now() + 60_000 },
  })
  // The third order takes every 17th, which comes to each of the 40 once: the same in every run.
  const orders = [keys, [...keys].reverse(), keys.map((_, index) => keys[(index * 17) % 40] ?? '')]
  const outcomes = await Promise.all(
    gateways.map(async ({ group }, index) => {
      const order = orders[index] ?? keys
      const values = (await group(order.map(claim))) as { kind: string }[]
      return new Map(order.map((key, at) => [key, values[at]?.kind]))
    }),
  )
  for (const key of keys)
    assert.deepEqual(outcomes.map((kinds) => kinds.get(key)).sort(), ['claimed', 'running', 'running'])
})

test('each job is taken once, and nobody waits for who takes others', async (t) => {
  const { url, gateways, admin } = await openDatabase(t, ['a', 'b', 'c'])
  const [a] = gateways
  const jobs = numbers(60).map(() => makeJob({ createdAt: Date.now() - 60_000 }))
  await a?.group(jobs.map((argument) => ({ name: 'acceptJob', argument })))
  const taken = await Promise.all(
    gateways.flatMap(({ write }) => numbers(10).map(() => write('takeJobs', { limit: 2 }))),
  )
  const ids = taken.flat().map(({ id }) => id)
  assert.equal(new Set(ids).size, ids.length, 'none twice')
  // What another transaction is about to take is passed over at once.
  const left = await admin.all('SELECT response_id FROM jobs WHERE owner IS NULL')
  const [b] = gateways.slice(1)
  const other = postgres(url, { max: 1 })
  t.after(() => other.end())
  const free = await other.begin(async (transaction) => {
    await transaction`UPDATE jobs SET note = note WHERE owner IS NULL`
    return b?.write('takeJobs', { limit: 60 })
  })
  assert.deepEqual(free, [])
  assert.equal((await b?.write('takeJobs', { limit: 60 }))?.length, left.length)
})

test('a job is left to who accepted it for a moment, unless that is gone', async (t) => {
  const { gateways } = await openDatabase(t, ['a', 'b'])
  const [a, b] = gateways
  assert.ok(a && b)
  // Of a time to come, so that the moment lasts as long as the test.
  const [one, two] = [1, 2].map((hours) => makeJob({ createdAt: Date.now() + hours * 3_600_000 }))
  assert.ok(one && two)
  await a.group([one, two].map((argument) => ({ name: 'acceptJob', argument })))
  assert.deepEqual(await b.write('takeJobs', { limit: 5 }), [])
  assert.deepEqual(
    (await a.write('takeJobs', { limit: 1 })).map(({ id }) => id),
    [one.id],
  )
  await a.write('beat', { milliseconds: 0 })
  assert.equal(await b.write('beat', { milliseconds: 60_000 }), true)
  await b.write('buryDead', {})
  const left = await b.write('takeJobs', { limit: 5 })
  assert.deepEqual(
    left.map(({ id, takes }) => [id, takes]),
    [
      [one.id, 2],
      [two.id, 1],
    ],
  )
})

test('a job that one ends, another cancels and a third deletes ends in one way', async (t) => {
  const { gateways, admin } = await openDatabase(t, ['a', 'b', 'c'])
  const [a, b, c] = gateways
  assert.ok(a && b && c)
  const ways = { committed: 0, cancelled: 0, deleted: 0 }
  for (const round of numbers(60)) {
    const item = { id: makeId('msg'), type: 'message', text: 'said' }
    const job = makeJob({ createdAt: Date.now(), events: makeEvents(0, 2) })
    await a.write('acceptJob', job)
    assert.equal((await a.write('takeJobs', { limit: 1 }))[0]?.id, job.id)
    await a.write('startJob', { id: job.id, body: '{}' })
    const output = JSON.stringify([item])
    const end = { output, outputIds: [item.id], events: makeEvents(2, 2) }
    const cancelled = {
      project,
      id: job.id,
      body: '{}',
      output: '[]',
      outputIds: [],
      events: makeEvents(2, 3),
    }
    const [committed, isCancelled, isDeleted]: [string, boolean, boolean] = await Promise.all([
      a.write('commitTurn', endOf(job, end)),
      b.write('cancelJob', cancelled),
      round % 3 === 0 ? c.write('deleteResponse', { project, id: job.id }) : Promise.resolve(false),
    ])
    const [response] = await admin.all('SELECT status FROM responses WHERE id = ?', [job.id])
    const jobs = await admin.all('SELECT 1 FROM jobs WHERE response_id = ?', [job.id])
    const items = await admin.all('SELECT id FROM items WHERE holder = ? AND place = ?', [job.id, 'output'])
    const events = await admin.all(
      'SELECT first, count FROM response_events WHERE response_id = ? ORDER BY first',
      [job.id],
    )
    if (isDeleted) {
      ways.deleted += 1
      assert.deepEqual([response, jobs.length, items.length, events.length], [undefined, 0, 0, 0])
      continue
    }
    assert.equal(committed === 'committed', !isCancelled, 'one of the two')
    assert.equal(response?.status, isCancelled ? 'cancelled' : 'completed')
    assert.equal(jobs.length, 0)
    assert.equal(items.length, isCancelled ? 0 : 1)
    const kept = events.map(({ first, count }) => [first, count])
    assert.deepEqual(kept, [
      [0, 2],
      [2, isCancelled ? 3 : 2],
    ])
    if (isCancelled) ways.cancelled += 1
    else ways.committed += 1
  }
  t.diagnostic(JSON.stringify(ways))
})

test('turns and additions of all gateways stand whole in a conversation, one behind the other', async (t) => {
  const { gateways, admin } = await openDatabase(t, ['a', 'b', 'c'])
  const id = 'conv_1'
  await gateways[0]?.write('createConversation', {
    id,
    project,
    createdAt: Date.now(),
    expiresAt: null,
    metadata: {},
    items: [],
  })
  const make = (name: string) =>
    numbers(3).map((index) => ({
      id: `${name}-${index}`,
      text: JSON.stringify({ name, index }),
      provider: null,
    }))
  const added: string[] = []
  const outcomes = new Map<string, number>()
  const note = (name: string) => outcomes.set(name, (outcomes.get(name) ?? 0) + 1)
  await Promise.all(
    gateways.flatMap(({ write, instance }) => [
      (async () => {
        for (const round of numbers(30)) {
          const name = `add-${instance}-${round}`
          const outcome = await write('addConversationItems', { project, id, items: make(name) })
          note(outcome)
          if (outcome === 'added') added.push(name)
        }
      })(),
      (async () => {
        for (const round of numbers(15)) {
          const name = `turn-${instance}-${round}`
          const holder = makeId('resp')
          while ((await write('lockConversation', { project, id, holder })) !== 'locked-by-us') note('wait')
          const items = make(name)
          const outcome = await write(
            'commitTurn',
            makeTurn({ id: holder, conversation: id, conversationItems: items }),
          )
          assert.equal(outcome, 'committed')
          added.push(name)
        }
      })(),
    ]),
  )
  const rows = await admin.all(
    'SELECT id, position FROM conversation_items WHERE conversation = ? ORDER BY position',
    [id],
  )
  assert.equal(rows.length, added.length * 3, 'none lost, none doubled')
  for (let at = 0; at < rows.length; at += 3) {
    const names = rows.slice(at, at + 3).map((row) => String(row.id).replace(/-\d$/, ''))
    assert.equal(new Set(names).size, 1, `whole: ${names}`)
  }
  assert.deepEqual([...new Set(rows.map((row) => String(row.id).replace(/-\d$/, '')))].sort(), added.sort())
  t.diagnostic(JSON.stringify([...outcomes]))
})

test('the rights of an instance do not end in the middle of a turn that relies on them', async (t) => {
  const { gateways, admin } = await openDatabase(t, ['a', 'b'])
  const [a, b] = gateways
  assert.ok(a && b)
  const results = new Map<string, number>()
  for (const round of numbers(40)) {
    const id = `conv_${round}`
    const holder = `resp_turn_${round}`
    await a.write('beat', { milliseconds: 60_000 })
    await a.write('createConversation', {
      id,
      project,
      createdAt: Date.now(),
      expiresAt: null,
      metadata: {},
      items: [],
    })
    assert.equal(await a.write('lockConversation', { project, id, holder }), 'locked-by-us')
    await a.write('beat', { milliseconds: 0 })
    const conversationItems = numbers(40).map((index) => ({
      id: `item-${round}-${index}`,
      text: '{}',
      provider: null,
    }))
    const [result]: [string, null] = await Promise.all([
      a.write('commitTurn', makeTurn({ id: holder, conversation: id, conversationItems })),
      b.write('buryDead', {}),
    ])
    results.set(result, (results.get(result) ?? 0) + 1)
    const [kept] = await admin.all('SELECT 1 AS there FROM responses WHERE id = ?', [holder])
    const items = await admin.all('SELECT id FROM conversation_items WHERE conversation = ?', [id])
    assert.deepEqual([kept !== undefined, items.length], result === 'committed' ? [true, 40] : [false, 0])
    const [free] = await admin.all('SELECT lock_owner FROM conversations WHERE id = ?', [id])
    assert.equal(free?.lock_owner, null)
  }
  t.diagnostic(JSON.stringify([...results]))
})

test('gateways that start at once agree on one key of seals and one leader', async (t) => {
  const { gateways, admin } = await openDatabase(t, ['a', 'b', 'c'])
  const now = Date.now()
  await Promise.all(
    gateways.map(({ write, instance }) =>
      write('addSealKey', { id: instance, createdAt: now, secret: 'YQ==', unlessAfter: now - 1000 }),
    ),
  )
  assert.equal((await admin.all('SELECT id FROM seal_keys')).length, 1)
  const ask = (milliseconds: number) =>
    Promise.all(
      gateways.map(({ driver, instance }) =>
        holdLease({ driver, instance, now: 0 } as never, { name: 'upkeep', milliseconds }),
      ),
    )
  const first = await ask(60_000)
  assert.equal(first.filter(Boolean).length, 1)
  assert.deepEqual(await ask(60_000), first, 'the same one goes on')
})

test('what is claimed anew while its old answer is removed stays', async (t) => {
  const { gateways, admin } = await openDatabase(t, ['a', 'b'])
  const [a, b] = gateways
  assert.ok(a && b)
  const keys = numbers(30).map((index) => `key-${index}`)
  const answer = { status: 200, headers: {}, body: '{}' }
  for (const key of keys) {
    await a.write('claimKey', { project, key, fingerprint: 'f', expiresAt: Date.now() - 1 })
    await a.write('completeKey', { project, key, expiresAt: Date.now() - 1, answer })
  }
  const claims = keys.map(
    (key): StateWrite => ({
      name: 'claimKey',
      argument: { project, key, fingerprint: 'f', expiresAt: Date.now() + 60_000 },
    }),
  )
  const [values] = await Promise.all([
    a.group(claims),
    b.write('sweep', { responses: [], conversations: [], keys: 100, before: Date.now() }),
  ])
  // A claim that found nothing in between is made again.
  const claimed = values.filter((value) => (value as { kind: string } | null)?.kind === 'claimed').length
  const [row] = await admin.all('SELECT count(*) AS n FROM idempotency_keys WHERE answer IS NULL')
  assert.equal(row?.n, claimed)
})
