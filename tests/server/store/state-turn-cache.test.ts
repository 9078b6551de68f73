import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { StoredTurn } from '../../../server/store/state/state.ts'
import { TurnCache } from '../../../server/store/state/turn-cache.ts'
import { openEmptyStore, openStoreAt, type TestEngine, testEngines } from './engines.ts'
import { makeItem, makeTurn } from './state-fixtures.ts'

const turn = (id: string, bytes: number, changes: Partial<StoredTurn> = {}): StoredTurn => ({
  id,
  previousId: null,
  provider: null,
  status: 'completed',
  input: [],
  output: [],
  expiresAt: null,
  bytes,
  ...changes,
})

test('what was used longest ago goes first, and what is large is not kept', () => {
  const cache = new TurnCache(80)
  for (let index = 0; index < 8; index += 1) cache.add('acme', turn(`${index}`, 10))
  assert.equal(cache.bytes, 80)
  const first = cache.get('acme', '0')
  assert.ok(first)
  cache.add('acme', first)
  cache.add('acme', turn('8', 5))
  assert.equal(cache.get('acme', '1'), null)
  assert.equal(cache.get('acme', '0'), first)
  assert.equal(cache.bytes, 75)
  cache.add('acme', turn('9', 11))
  assert.equal(cache.get('acme', '9'), null)
  cache.add('acme', turn('10', 1, { status: 'in_progress' }))
  assert.equal(cache.get('acme', '10'), null)
  assert.equal(cache.get('other', '0'), null)
  cache.remove(['0', 'unknown'])
  assert.equal(cache.get('acme', '0'), null)
  assert.equal(cache.bytes, 65)
})

test('a committed turn is parsed once, and then is as if it had been read', () => {
  const cache = new TurnCache(100_000)
  const committed = makeTurn({ input: [makeItem('ü')], previousId: 'resp_before' })
  cache.addCommitted(committed)
  const { id, previousId, provider, status, expiresAt } = committed
  const parsed = cache.get('acme', id)
  assert.deepEqual(parsed, {
    id,
    previousId,
    provider,
    status,
    expiresAt,
    input: JSON.parse(committed.input),
    output: JSON.parse(committed.output),
    bytes: Buffer.byteLength(committed.input + committed.output),
  })
  assert.equal(cache.get('acme', id), parsed)
})

testEngines('what is deleted while it is being read does not come back from memory', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  // It takes longer to read than the child takes to be deleted.
  const parent = makeTurn({ input: [makeItem('x'.repeat(7_000_000))] })
  const child = makeTurn({ previousId: parent.id })
  await store.state.commitTurn(parent)
  await store.state.commitTurn(child)
  await store.close()
  const { state } = await openStoreAt(t, store.url)
  // The thread is there, so that the read is under way when the deletion is.
  await state.getResponse('acme', parent.id)
  await Promise.all([state.readChain('acme', child.id), state.deleteResponse('acme', child.id)])
  assert.deepEqual(await state.readChain('acme', child.id), { kind: 'missing' })
})

testEngines('those who go on from the same turn at once share one reading of it', async (t, engine) => {
  const { url, parent, child } = await keepChain(t, engine)
  const { state } = await openStoreAt(t, url)
  const [first, ...others] = await Promise.all(
    Array.from({ length: 20 }, () => state.readChain('acme', child.id)),
  )
  assert.ok(first?.kind === 'found')
  assert.deepEqual(
    first.turns.map(({ id }) => id),
    [parent.id, child.id],
  )
  for (const other of others) assert.equal(other, first)
})

testEngines('a turn that was looked for too early is found once it is kept', async (t, engine) => {
  const { url } = await keepChain(t, engine)
  const { state } = await openStoreAt(t, url)
  const turn = makeTurn()
  const early = state.readChain('acme', turn.id)
  const late = state.commitTurn(turn).then(() => state.readChain('acme', turn.id))
  await early
  assert.equal((await late).kind, 'found')
})

/** A store that holds a turn and one that goes on from it. */
async function keepChain(t: TestContext, engine: TestEngine) {
  const store = await openEmptyStore(t, engine)
  const parent = makeTurn()
  const child = makeTurn({ previousId: parent.id })
  await store.state.commitTurn(parent)
  await store.state.commitTurn(child)
  await store.close()
  return { url: store.url, parent, child }
}
