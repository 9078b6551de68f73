import assert from 'node:assert/strict'
import { countRows, openEmptyStore, testEngines } from './engines.ts'
import {
  endOf,
  hourAgo,
  inAnHour,
  makeConversation,
  makeEvents,
  makeId,
  makeItem,
  makeJob,
  makeTurn,
} from './state-fixtures.ts'

testEngines('a chain goes from its end, and not before its youngest has expired', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  const { state } = store
  const old = [makeTurn({ expiresAt: hourAgo(), events: makeEvents(0, 2) })]
  for (let index = 1; index < 10; index += 1) {
    old.push(makeTurn({ expiresAt: hourAgo(), previousId: old[index - 1]?.id ?? null }))
  }
  for (const turn of old) await state.commitTurn(turn)
  // A branch that lives on what the first three said.
  const living = makeTurn({ previousId: old[2]?.id ?? '', expiresAt: inAnHour() })
  await state.commitTurn(living)
  const forever = makeTurn()
  await state.commitTurn(forever)

  assert.deepEqual(await state.sweep(Date.now(), 4), {
    responses: 4,
    conversations: 0,
    idempotencyKeys: 0,
    more: true,
  })
  assert.equal((await state.sweep(Date.now(), 4)).responses, 3)
  assert.deepEqual(await state.sweep(Date.now(), 4), {
    responses: 0,
    conversations: 0,
    idempotencyKeys: 0,
    more: false,
  })
  const chain = await state.readChain('acme', living.id)
  assert.ok(chain.kind === 'found')
  assert.equal(chain.turns.length, 4)
  assert.equal((await state.readChain('acme', forever.id)).kind, 'found')

  await state.deleteResponse('acme', living.id)
  assert.equal((await state.sweep(Date.now(), 4)).responses, 3)
  assert.deepEqual(await countRows(engine, store.url), { responses: 1, items: 2 })
})

testEngines('what has expired and is built on is passed in small steps', async (t, engine) => {
  const { state } = await openEmptyStore(t, engine)
  // The oldest, behind many that stay.
  const free = makeTurn({ expiresAt: hourAgo() - 1 })
  await state.commitTurn(free)
  for (let index = 0; index < 25; index += 1) {
    const parent = makeTurn({ expiresAt: hourAgo() })
    await state.commitTurn(parent)
    await state.commitTurn(makeTurn({ previousId: parent.id, expiresAt: inAnHour() }))
  }
  const now = Date.now()
  for (let round = 0; round < 2; round += 1) {
    const steps = []
    for (let more = true; more; ) {
      const swept = await state.sweep(now, 1)
      more = swept.more
      steps.push(swept.responses)
    }
    // Ten are looked at in a step.
    assert.deepEqual(steps, round === 0 ? [0, 0, 1, 0] : [0, 0, 0])
  }
  assert.equal(await state.getResponse('acme', free.id), null)
})

testEngines('what is swept is not continued from memory', async (t, engine) => {
  const { state } = await openEmptyStore(t, engine)
  const parent = makeTurn({ expiresAt: hourAgo() })
  await state.commitTurn(parent)
  assert.equal((await state.sweep(Date.now(), 10)).responses, 1)
  const child = makeTurn({ previousId: parent.id })
  await state.commitTurn(child)
  assert.deepEqual(await state.readChain('acme', child.id), { kind: 'missing' })
})

testEngines(
  'everything that has expired goes, with all rows, in steps; what runs stays',
  async (t, engine) => {
    const store = await openEmptyStore(t, engine)
    const { state } = store
    const expiresAt = hourAgo()
    for (let index = 0; index < 5; index += 1) {
      const item = makeItem('i')
      const key = `key ${index}`
      await state.claimKey({ project: 'acme', key, fingerprint: 'f', expiresAt })
      const answer = { status: 200, headers: {}, body: '{}' }
      await state.commitTurn(makeTurn({ expiresAt, events: makeEvents(0, 2), idempotency: { key, answer } }))
      await state.createConversation({
        id: makeId('conv'),
        project: 'acme',
        createdAt: 1,
        expiresAt,
        metadata: {},
        items: [{ id: item.id, text: JSON.stringify(item), provider: null }],
      })
    }
    const job = makeJob({ expiresAt, events: makeEvents(0, 1) })
    await state.acceptJob(job)
    await state.takeJobs(1)
    await state.claimKey({ project: 'acme', key: 'runs', fingerprint: 'f', expiresAt })
    let steps = 0
    for (let more = true; more; steps += 1) {
      const swept = await state.sweep(Date.now(), 2)
      assert.ok(swept.responses <= 2 && swept.conversations <= 2 && swept.idempotencyKeys <= 2)
      more = swept.more
    }
    assert.ok(steps >= 3)
    assert.deepEqual(await countRows(engine, store.url), {
      responses: 1,
      items: 1,
      response_events: 1,
      jobs: 1,
      idempotency_keys: 1,
    })
    assert.equal(await state.commitTurn(endOf(job, { events: makeEvents(1, 1) })), 'committed')
    await state.releaseKey('acme', 'runs')
    await state.sweep(Date.now(), 2)
    assert.deepEqual(await countRows(engine, store.url), {})
  },
)

testEngines('a conversation whose turn runs is not swept', async (t, engine) => {
  const { state } = await openEmptyStore(t, engine)
  const id = await makeConversation(state)
  await state.lockConversation('acme', id, 'resp_x')
  assert.equal((await state.sweep(Date.now() + 1e12, 10)).conversations, 0)
  assert.equal(await state.lockConversation('acme', id, 'resp_x'), 'locked-by-us')
})
