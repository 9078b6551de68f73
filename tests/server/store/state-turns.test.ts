import assert from 'node:assert/strict'
import type { StoredTurn } from '../../../server/store/state/state.ts'
import { countRows, openEmptyStore, openStoreAt, testEngines } from './engines.ts'
import { hourAgo, inAnHour, makeEvents, makeId, makeItem, makeTurn } from './state-fixtures.ts'

const textsOf = (turns: readonly StoredTurn[]) =>
  turns.map(({ input, output }) =>
    [...input, ...output].map((item) => (item as unknown as { text: string }).text).join('/'),
  )

testEngines('a committed turn is read whole, and by nobody else', async (t, engine) => {
  const { state } = await openEmptyStore(t, engine)
  const turn = makeTurn({
    previousId: null,
    kind: 'compaction',
    include: ['reasoning.encrypted_content'],
    streamed: true,
    expiresAt: inAnHour(),
    provider: null,
    input: [makeItem('ä 😀 "quoted"\\')],
  })
  assert.equal(await state.commitTurn(turn), 'committed')
  const stored = await state.getResponse('acme', turn.id)
  assert.deepEqual(stored, {
    id: turn.id,
    previousId: null,
    provider: null,
    status: 'completed',
    expiresAt: turn.expiresAt,
    bytes: Buffer.byteLength(turn.input) + Buffer.byteLength(turn.output),
    input: JSON.parse(turn.input),
    output: JSON.parse(turn.output),
    kind: 'compaction',
    createdAt: turn.createdAt,
    conversation: null,
    background: false,
    streamed: true,
    include: ['reasoning.encrypted_content'],
    body: turn.body,
  })
  const { kind: _, createdAt, conversation, background, streamed, include, body, ...own } = stored
  assert.deepEqual(await state.readChain('acme', turn.id), { kind: 'found', turns: [own] })
  assert.equal(await state.getResponse('other', turn.id), null)
  assert.deepEqual(await state.readChain('other', turn.id), { kind: 'missing' })
  assert.deepEqual(await state.findItems('other', turn.inputIds), new Map())
  assert.equal(await state.deleteResponse('other', turn.id), false)
  assert.notEqual(await state.getResponse('acme', turn.id), null)
  assert.equal(await state.getResponse('acme', 'resp_none'), null)
})

for (const turnCacheBytes of [0, 67_108_864]) {
  testEngines(
    `chains with ${turnCacheBytes} bytes of memory: in order, across branches, broken by deletion`,
    async (t, engine) => {
      const { state } = await openEmptyStore(t, engine, { turnCacheBytes })
      const ids: string[] = []
      for (let index = 0; index < 20; index += 1) {
        const turn = makeTurn({
          previousId: ids.at(-1) ?? null,
          input: [makeItem(`in ${index}`)],
          output: [makeItem(`out ${index}`)],
        })
        await state.commitTurn(turn)
        ids.push(turn.id)
      }
      const expected = ids.map((_, index) => `in ${index}/out ${index}`)
      for (let round = 0; round < 2; round += 1) {
        const whole = await state.readChain('acme', ids[19] ?? '')
        assert.ok(whole.kind === 'found')
        assert.deepEqual(textsOf(whole.turns), expected)
      }
      const branch = makeTurn({ previousId: ids[4] ?? '', input: [makeItem('other in')], output: [] })
      await state.commitTurn(branch)
      const branched = await state.readChain('acme', branch.id)
      assert.ok(branched.kind === 'found')
      assert.deepEqual(textsOf(branched.turns), [...expected.slice(0, 5), 'other in'])

      assert.equal(await state.deleteResponse('acme', ids[10] ?? ''), true)
      assert.equal(await state.deleteResponse('acme', ids[10] ?? ''), false)
      for (const index of [10, 11, 19]) {
        assert.deepEqual(await state.readChain('acme', ids[index] ?? ''), { kind: 'missing' })
      }
      assert.equal((await state.readChain('acme', ids[9] ?? '')).kind, 'found')
      assert.equal((await state.readChain('acme', branch.id)).kind, 'found')
    },
  )

  testEngines(
    `expiry with ${turnCacheBytes} bytes of memory: an ancestor lives as long as its child`,
    async (t, engine) => {
      const { state } = await openEmptyStore(t, engine, { turnCacheBytes })
      const old = makeTurn({ expiresAt: hourAgo() })
      const child = makeTurn({ previousId: old.id, expiresAt: inAnHour() })
      await state.commitTurn(old)
      await state.commitTurn(child)
      assert.equal((await state.readChain('acme', child.id)).kind, 'found')
      assert.deepEqual(await state.readChain('acme', old.id), { kind: 'missing' })
      assert.equal(await state.getResponse('acme', old.id), null)
      assert.deepEqual(await state.findItems('acme', old.outputIds), new Map())
      assert.equal(await state.deleteResponse('acme', old.id), false)
      // Deleted it is all the same.
      assert.deepEqual(await state.readChain('acme', child.id), { kind: 'missing' })
    },
  )
}

testEngines('a chain goes on after a restart', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  const first = makeTurn()
  await store.state.commitTurn(first)
  await store.close()
  const again = await openStoreAt(t, store.url)
  const second = makeTurn({ previousId: first.id })
  await again.state.commitTurn(second)
  const chain = await again.state.readChain('acme', second.id)
  assert.ok(chain.kind === 'found')
  assert.deepEqual(
    chain.turns.map(({ id }) => id),
    [first.id, second.id],
  )
  assert.notEqual(again.state.instance, store.state.instance)
})

testEngines('a chain of 1000 turns, and one of 10 MB', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  let previousId: string | null = null
  const ids: string[] = []
  const big = 'ü'.repeat(1_250_000)
  for (let index = 0; index < 1000; index += 1) {
    const text = index % 250 === 100 ? `${index} ${big}` : `${index}`
    const turn = makeTurn({ previousId, input: [makeItem(text)], output: [] })
    await store.state.commitTurn(turn)
    previousId = turn.id
    ids.push(turn.id)
  }
  await store.close()
  const again = await openStoreAt(t, store.url)
  for (let round = 0; round < 2; round += 1) {
    const chain = await again.state.readChain('acme', ids[999] ?? '')
    assert.ok(chain.kind === 'found')
    assert.deepEqual(
      chain.turns.map(({ id }) => id),
      ids,
    )
    assert.ok(chain.turns.reduce((sum, { bytes }) => sum + bytes, 0) > 10_000_000)
    assert.deepEqual(
      textsOf(chain.turns),
      ids.map((_, index) => (index % 250 === 100 ? `${index} ${big}` : `${index}`)),
    )
  }
})

testEngines('`keep: false` keeps no response', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  const turn = makeTurn({ keep: false, events: makeEvents(0, 2) })
  assert.equal(await store.state.commitTurn(turn), 'committed')
  assert.deepEqual(await countRows(engine, store.url), {})
  assert.deepEqual(await store.state.readChain('acme', turn.id), { kind: 'missing' })
})

testEngines('items are found by id; the first place of an id counts', async (t, engine) => {
  const { state } = await openEmptyStore(t, engine)
  const shared = makeItem('first')
  const one = makeTurn({
    input: [makeItem('a'), shared],
    output: [makeItem('b'), makeItem('c')],
    provider: 'one',
  })
  await state.commitTurn(one)
  const two = makeTurn({ input: [{ ...shared, text: 'second' }], provider: 'two' })
  await state.commitTurn(two)
  const reference = makeItem('', makeId('msg'), 'item_reference')
  await state.commitTurn(makeTurn({ input: [reference] }))
  const found = await state.findItems('acme', [
    ...one.outputIds,
    shared.id,
    two.outputIds[0] ?? '',
    reference.id,
    'msg_unknown',
  ])
  assert.deepEqual(
    [...found].map(([id, { item, provider }]) => [id, (item as unknown as { text: string }).text, provider]),
    [
      [one.outputIds[0], 'b', 'one'],
      [one.outputIds[1], 'c', 'one'],
      [shared.id, 'first', null],
      [two.outputIds[0], 'out', 'two'],
    ],
  )
  // The same id in another project is another item.
  await state.commitTurn(makeTurn({ project: 'other', input: [{ ...shared, text: 'theirs' }] }))
  const theirs = (await state.findItems('other', [shared.id])).get(shared.id)?.item
  assert.equal((theirs as unknown as { text: string }).text, 'theirs')
})

testEngines('events are given from any number on, in pages', async (t, engine) => {
  const { state } = await openEmptyStore(t, engine)
  const turn = makeTurn({ streamed: true, events: makeEvents(0, 3000, 1000) })
  await state.commitTurn(turn)
  const all: string[] = []
  let pages = 0
  for (let after = -1; ; pages += 1) {
    const chunks = await state.readEvents('acme', turn.id, after)
    if (chunks.length === 0) break
    const bytes = chunks.reduce((sum, { text }) => sum + text.length, 0)
    assert.ok(bytes < 2_000_000, `${bytes} bytes in a page`)
    for (const { first, count, text } of chunks) {
      assert.equal(first, after + 1)
      assert.equal(text.split('\n\n').length - 1, count)
      after = first + count - 1
      all.push(text)
    }
  }
  assert.ok(pages > 2)
  assert.equal(all.join(''), turn.events?.text)
  const [tail] = await state.readEvents('acme', turn.id, 2997)
  assert.deepEqual([tail?.first, tail?.count], [2998, 2])
  assert.equal(tail?.text, makeEvents(2998, 2, 1000).text)
  assert.deepEqual(await state.readEvents('acme', turn.id, 2999), [])
  assert.deepEqual(await state.readEvents('other', turn.id, -1), [])
  assert.deepEqual(await state.readEvents('acme', 'resp_none', -1), [])
})

testEngines('deleting a response leaves nothing of it', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  const { state } = store
  const claim = { project: 'acme', key: 'k', fingerprint: 'f', expiresAt: inAnHour() }
  await state.claimKey(claim)
  const turn = makeTurn({
    events: makeEvents(0, 3),
    idempotency: { key: 'k', answer: { status: 200, headers: {}, body: '{}' } },
  })
  await state.commitTurn(turn)
  assert.deepEqual(await countRows(engine, store.url), {
    responses: 1,
    items: 2,
    response_events: 1,
    idempotency_keys: 1,
  })
  assert.equal(await state.deleteResponse('acme', turn.id), true)
  assert.deepEqual(await countRows(engine, store.url), {})
  assert.deepEqual(await state.findItems('acme', turn.outputIds), new Map())
})
