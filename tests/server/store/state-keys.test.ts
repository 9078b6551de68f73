import assert from 'node:assert/strict'
import { openEmptyStore, testEngines } from './engines.ts'
import { hourAgo, inAnHour, makeTurn } from './state-fixtures.ts'

const claim = (changes: object = {}) => ({
  project: 'acme',
  key: 'key',
  fingerprint: 'f',
  expiresAt: inAnHour(),
  ...changes,
})
const answer = { status: 200, headers: { 'content-type': 'application/json' }, body: '{"a":"ü"}' }

testEngines('of 200 claims at once one wins', async (t, engine) => {
  const { state } = await openEmptyStore(t, engine)
  const results = await Promise.all(Array.from({ length: 200 }, () => state.claimKey(claim())))
  assert.equal(results.filter(({ kind }) => kind === 'claimed').length, 1)
  assert.equal(results.filter(({ kind }) => kind === 'running').length, 199)
})

testEngines(
  'a claim conflicts with another body, and gives its answer once it has one',
  async (t, engine) => {
    const { state } = await openEmptyStore(t, engine)
    assert.deepEqual(await state.claimKey(claim()), { kind: 'claimed' })
    assert.deepEqual(await state.claimKey(claim({ fingerprint: 'g' })), { kind: 'conflict' })
    assert.deepEqual(await state.claimKey(claim()), { kind: 'running' })
    // Another project's key is another key.
    assert.deepEqual(await state.claimKey(claim({ project: 'other', fingerprint: 'g' })), { kind: 'claimed' })
    await state.completeKey('acme', 'key', inAnHour(), answer)
    assert.deepEqual(await state.claimKey(claim()), { kind: 'done', answer })
    assert.deepEqual(await state.claimKey(claim({ fingerprint: 'g' })), { kind: 'conflict' })
    assert.deepEqual(await state.claimKey(claim({ project: 'other', fingerprint: 'g' })), { kind: 'running' })
    // What has an answer keeps it.
    await state.completeKey('acme', 'key', inAnHour(), { ...answer, body: 'other' })
    await state.releaseKey('acme', 'key')
    assert.deepEqual(await state.claimKey(claim()), { kind: 'done', answer })
  },
)

testEngines(
  'a released or expired claim can be made again; a running one does not expire',
  async (t, engine) => {
    const { state } = await openEmptyStore(t, engine)
    await state.claimKey(claim())
    await state.releaseKey('other', 'key')
    assert.deepEqual(await state.claimKey(claim()), { kind: 'running' })
    await state.releaseKey('acme', 'key')
    assert.deepEqual(await state.claimKey(claim({ fingerprint: 'g', expiresAt: hourAgo() })), {
      kind: 'claimed',
    })
    assert.deepEqual(await state.claimKey(claim({ fingerprint: 'g' })), { kind: 'running' })
    await state.completeKey('acme', 'key', hourAgo(), answer)
    assert.deepEqual(await state.claimKey(claim()), { kind: 'claimed' })
    assert.deepEqual(await state.claimKey(claim()), { kind: 'running' })
  },
)

testEngines('a turn completes its claim', async (t, engine) => {
  const { state } = await openEmptyStore(t, engine)
  for (const keep of [true, false]) {
    const key = `key ${keep}`
    await state.claimKey(claim({ key }))
    await state.commitTurn(makeTurn({ keep, idempotency: { key, answer } }))
    assert.deepEqual(await state.claimKey(claim({ key })), { kind: 'done', answer })
  }
})

testEngines('prompts have versions and one default', async (t, engine) => {
  const { state } = await openEmptyStore(t, engine)
  const prompt = (id: string, version: string, isDefault: boolean, createdAt: number) => ({
    id,
    version,
    createdAt,
    isDefault,
    template: `{"text":"${id} ${version}"}`,
  })
  const one = prompt('a', '1', true, 1)
  const two = prompt('a', '2', true, 2)
  assert.equal(await state.addPrompt(prompt('b', '1', true, 3)), true)
  assert.equal(await state.addPrompt(one), true)
  assert.equal(await state.addPrompt(two), true)
  const third = prompt('a', '10', false, 4)
  assert.equal(await state.addPrompt(third), true)
  const list = async () =>
    (await state.listPrompts()).map(({ id, version, isDefault }) => `${id}${version}${isDefault ? '*' : ''}`)
  assert.deepEqual(await list(), ['a1', 'a2*', 'a10', 'b1*'])
  assert.deepEqual((await state.listPrompts())[2], third)
  assert.equal(await state.addPrompt({ ...one, template: '{}' }), false)
  assert.deepEqual(await list(), ['a1', 'a2*', 'a10', 'b1*'])
  assert.equal(await state.setDefaultPrompt('a', '1'), true)
  assert.equal(await state.setDefaultPrompt('a', '7'), false)
  assert.equal(await state.setDefaultPrompt('c', '1'), false)
  assert.deepEqual(await list(), ['a1*', 'a2', 'a10', 'b1*'])
  assert.equal(await state.deletePrompt('a', '2', 'gone'), true)
  assert.equal(await state.deletePrompt('a', '2', 'gone'), false)
  const left = (await state.listPrompts()).find(({ id, version }) => id === 'a' && version === '2')
  assert.deepEqual([left?.template, left?.isDefault], ['gone', false], 'its number is not free')
  assert.equal(await state.deletePrompt('a', '2'), true)
  assert.equal(await state.deletePrompt('a', '2'), false)
  assert.equal(await state.deletePrompt('a', null), true)
  assert.equal(await state.deletePrompt('a', null), false)
  assert.deepEqual(await list(), ['b1*'])
})

testEngines('seal keys are listed newest first', async (t, engine) => {
  const { state } = await openEmptyStore(t, engine)
  assert.deepEqual(await state.sealKeys(), [])
  const old = { id: 'k1', createdAt: 1, secret: 'YQ==' }
  const young = { id: 'k2', createdAt: 2, secret: 'Yg==' }
  await state.addSealKey(old, 0)
  await state.addSealKey(young, 1)
  assert.deepEqual(await state.sealKeys(), [young, old])
  await state.addSealKey({ id: 'k3', createdAt: 3, secret: 'Yw==' }, 1)
  assert.deepEqual(await state.sealKeys(), [young, old], 'a new one is there already')
})
