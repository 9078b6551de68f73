import assert from 'node:assert/strict'
import { countRows, openEmptyStore, openStoreAt, testEngines } from './engines.ts'
import { endOf, inAnHour, makeConversation, makeEvents, makeItem, makeJob } from './state-fixtures.ts'

const cancelled = (
  changes: Partial<Parameters<Awaited<ReturnType<typeof openEmptyStore>>['state']['cancelJob']>[2]> = {},
) => ({
  body: '{"status":"cancelled"}',
  output: '[]',
  outputIds: [],
  events: null,
  ...changes,
})

testEngines('a job is accepted, taken, run and ended', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  const { state } = store
  await state.claimKey({ project: 'acme', key: 'k', fingerprint: 'f', expiresAt: inAnHour() })
  const answer = { status: 200, headers: { a: 'b' }, body: '{}' }
  const job = makeJob({ events: makeEvents(0, 2), idempotency: { key: 'k', answer }, expiresAt: inAnHour() })
  await state.acceptJob(job)
  assert.deepEqual(
    await state.claimKey({ project: 'acme', key: 'k', fingerprint: 'f', expiresAt: inAnHour() }),
    { kind: 'done', answer },
  )
  const queued = await state.getResponse('acme', job.id)
  assert.deepEqual([queued?.status, queued?.background, queued?.output], ['queued', true, []])
  assert.deepEqual(await state.readChain('acme', job.id), { kind: 'running' })
  assert.equal(await state.startJob(job.id, '{}'), false, 'nobody has it yet')

  const taken = await state.takeJobs(10)
  const { id, project, createdAt, expiresAt, previousId, conversation, streamed, request } = job
  assert.deepEqual(taken, [
    { id, project, createdAt, expiresAt, previousId, conversation, streamed, request, takes: 1, note: null },
  ])
  assert.deepEqual(await state.takeJobs(10), [])
  assert.equal(await state.startJob(id, '{"status":"in_progress"}'), true)
  const running = await state.getResponse('acme', id)
  assert.deepEqual([running?.status, running?.body], ['in_progress', '{"status":"in_progress"}'])
  assert.equal(await state.appendEvents(id, makeEvents(2, 3)), true)
  assert.deepEqual(await state.lostJobs([id]), [])

  const turn = endOf(job, { output: JSON.stringify([makeItem('done')]), events: makeEvents(5, 1) })
  assert.equal(await state.commitTurn(turn), 'committed')
  assert.equal(await state.commitTurn(turn), 'superseded')
  const ended = await state.getResponse('acme', id)
  assert.deepEqual([ended?.status, ended?.body, ended?.output.length], ['completed', turn.body, 1])
  const events = await state.readEvents('acme', id, -1)
  assert.equal(events.map(({ text }) => text).join(''), makeEvents(0, 6).text)
  assert.equal((await state.readChain('acme', id)).kind, 'found')
  assert.equal((await countRows(engine, store.url)).jobs, undefined)
  assert.equal(await state.appendEvents(id, makeEvents(6, 1)), false)
  assert.equal(await state.startJob(id, '{}'), false)
})

testEngines('jobs go out oldest first, each to one taker, and come back when released', async (t, engine) => {
  const { state } = await openEmptyStore(t, engine)
  const jobs = [30, 10, 20].map((createdAt) => makeJob({ createdAt }))
  for (const job of jobs) await state.acceptJob(job)
  const takes = await Promise.all([state.takeJobs(2), state.takeJobs(2), state.takeJobs(2)])
  assert.deepEqual(
    takes.map((taken) => taken.map(({ createdAt }) => createdAt)),
    [[10, 20], [30], []],
  )
  const id = jobs[1]?.id ?? ''
  await state.noteJob(id, '{"upstream":"x"}')
  await state.releaseJob(id, true)
  assert.deepEqual(await state.lostJobs(jobs.map((job) => job.id)), [id])
  assert.equal(await state.appendEvents(id, makeEvents(0, 1)), false)
  assert.deepEqual(
    (await state.takeJobs(5)).map(({ id, takes, note }) => [id, takes, note]),
    [[id, 2, '{"upstream":"x"}']],
  )
  await state.releaseJob(id, false)
  assert.equal((await state.takeJobs(1))[0]?.takes, 2, 'only what has begun counts')
})

testEngines('cancelling ends a job once, with its last events, and the runner notices', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  const { state } = store
  const job = makeJob({ events: makeEvents(0, 2) })
  await state.acceptJob(job)
  await state.takeJobs(1)
  await state.appendEvents(job.id, makeEvents(2, 3))
  assert.equal(await state.cancelJob('other', job.id, cancelled()), false)
  assert.equal(await state.cancelJob('acme', 'resp_none', cancelled()), false)
  // Made from what was read before the last events came.
  assert.equal(await state.cancelJob('acme', job.id, cancelled({ events: makeEvents(3, 1) })), false)
  assert.equal((await state.getResponse('acme', job.id))?.status, 'queued')
  const item = makeItem('partial')
  const end = cancelled({
    events: makeEvents(5, 1),
    output: JSON.stringify([item]),
    outputIds: [item.id],
  })
  assert.equal(await state.cancelJob('acme', job.id, end), true)
  assert.equal(await state.cancelJob('acme', job.id, end), false)
  const stored = await state.getResponse('acme', job.id)
  assert.deepEqual([stored?.status, stored?.body, stored?.output], ['cancelled', end.body, [item]])
  assert.equal(stored?.bytes, Buffer.byteLength(job.input + end.output))
  const events = await state.readEvents('acme', job.id, -1)
  assert.equal(events.map(({ text }) => text).join(''), makeEvents(0, 6).text)
  assert.equal((await state.findItems('acme', [item.id])).size, 1)
  assert.deepEqual(await state.lostJobs([job.id]), [job.id])
  assert.equal(await state.appendEvents(job.id, makeEvents(6, 1)), false)
  assert.equal(await state.commitTurn(endOf(job)), 'superseded')
  assert.equal((await state.getResponse('acme', job.id))?.status, 'cancelled')
})

testEngines('of a cancel and a completion at once exactly one wins', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  const { state } = store
  let cancels = 0
  for (let round = 0; round < 40; round += 1) {
    const job = makeJob()
    await state.acceptJob(job)
    await state.takeJobs(1)
    const cancel = () => state.cancelJob('acme', job.id, cancelled())
    const commit = () => state.commitTurn(endOf(job))
    const order = round % 2 === 0 ? [cancel, commit] : [commit, cancel]
    const results = await Promise.all(order.map((act) => act()))
    const won = results.filter((result) => result === true || result === 'committed')
    assert.equal(won.length, 1)
    if (won[0] === true) cancels += 1
    const status = (await state.getResponse('acme', job.id))?.status
    assert.equal(status, won[0] === true ? 'cancelled' : 'completed')
  }
  assert.equal(cancels, 20)
  assert.equal((await countRows(engine, store.url)).jobs, undefined)
})

testEngines('deleting a running job ends it', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  const { state } = store
  const job = makeJob({ events: makeEvents(0, 1) })
  await state.acceptJob(job)
  await state.takeJobs(1)
  assert.equal(await state.deleteResponse('acme', job.id), true)
  assert.deepEqual(await state.lostJobs([job.id]), [job.id])
  assert.equal(await state.commitTurn(endOf(job, { events: makeEvents(1, 1) })), 'superseded')
  assert.deepEqual(await countRows(engine, store.url), {})
})

for (const end of ['commit', 'cancel', 'delete'] as const) {
  testEngines(`a job on a conversation gives its lock back by ${end}`, async (t, engine) => {
    const { state } = await openEmptyStore(t, engine)
    const conversation = await makeConversation(state)
    const job = makeJob({ conversation })
    await state.lockConversation('acme', conversation, job.id)
    await state.acceptJob(job)
    await state.takeJobs(1)
    assert.equal(await state.lockConversation('acme', conversation, 'resp_next'), 'locked')
    const item = makeItem('said')
    const items = [{ id: item.id, text: JSON.stringify(item), provider: null }]
    if (end === 'cancel') await state.cancelJob('acme', job.id, cancelled())
    if (end === 'delete') await state.deleteResponse('acme', job.id)
    const result = await state.commitTurn(endOf(job, { conversationItems: items }))
    assert.equal(result, end === 'commit' ? 'committed' : 'superseded')
    assert.equal((await state.readConversation('acme', conversation))?.length, end === 'commit' ? 1 : 0)
    assert.equal(await state.lockConversation('acme', conversation, 'resp_next'), 'locked-by-us')
  })
}

testEngines(
  'after a restart jobs are free, locks open, running claims gone, and nothing else is',
  async (t, engine) => {
    const store = await openEmptyStore(t, engine)
    const { state } = store
    const conversation = await makeConversation(state)
    const [taken, queued] = [makeJob({ createdAt: 1 }), makeJob({ createdAt: 2 })]
    await state.acceptJob(taken)
    await state.acceptJob(queued)
    await state.takeJobs(1)
    await state.startJob(taken.id, '{"status":"in_progress"}')
    await state.noteJob(taken.id, 'note')
    await state.appendEvents(taken.id, makeEvents(0, 2))
    await state.lockConversation('acme', conversation, 'resp_x')
    const claim = { project: 'acme', fingerprint: 'f', expiresAt: inAnHour() }
    await state.claimKey({ ...claim, key: 'running' })
    await state.claimKey({ ...claim, key: 'done' })
    await state.completeKey('acme', 'done', inAnHour(), { status: 200, headers: {}, body: 'b' })
    await store.close()

    const again = await openStoreAt(t, store.url)
    assert.deepEqual(
      (await again.state.takeJobs(5)).map(({ id, takes, note }) => [id, takes, note]),
      [
        [taken.id, 2, 'note'],
        [queued.id, 1, null],
      ],
    )
    assert.equal((await again.state.getResponse('acme', taken.id))?.status, 'in_progress')
    assert.equal((await again.state.readEvents('acme', taken.id, -1))[0]?.count, 2)
    assert.equal(await again.state.lockConversation('acme', conversation, 'resp_y'), 'locked-by-us')
    assert.equal((await again.state.claimKey({ ...claim, key: 'running' })).kind, 'claimed')
    assert.equal((await again.state.claimKey({ ...claim, key: 'done' })).kind, 'done')
  },
)
