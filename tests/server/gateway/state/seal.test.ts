/** The envelope around what only this gateway opens: its keys rotate, and nothing opens it that should not. */
import assert from 'node:assert/strict'
import { beforeEach, it } from 'node:test'
import { createSealer, type Sealed } from '../../../../server/gateway/state/seal.ts'
import type { SealKey } from '../../../../server/store/state/state.ts'

const project = 'acme'
const rotateAfter = 10
let keys: SealKey[]
beforeEach(() => {
  keys = []
})

const open = (now: number) =>
  createSealer({
    state: {
      sealKeys: async () => [...keys],
      addSealKey: async (key, unlessAfter) => {
        if (!keys.some(({ createdAt }) => createdAt > unlessAfter)) keys.unshift(key)
      },
    },
    rotateAfter,
    now,
  })
const summary = (text: string): Sealed => ({ kind: 'summary', text })

it('opens what every older key sealed, also after a restart', async () => {
  const sealer = await open(1)
  const sealed: string[] = []
  for (let round = 0; round < 4; round++) {
    sealed.push(sealer.seal(project, summary(`text ${round}`)))
    await sealer.rotate(1 + (round + 1) * rotateAfter)
  }
  assert.equal(new Set(sealed.map((text) => text.split('.')[1])).size, 4, 'a key each')
  for (const one of [sealer, await open(42)])
    for (const [round, text] of sealed.entries())
      assert.deepEqual(one.open(project, text), summary(`text ${round}`))
})

it('makes a new key only when the newest is old enough', async () => {
  const sealer = await open(1)
  await sealer.rotate(rotateAfter)
  assert.equal(keys.length, 1)
  await sealer.rotate(rotateAfter + 1)
  assert.equal(keys.length, 2)
  await open(rotateAfter + 2)
  assert.equal(keys.length, 2)
})

it('opens nothing that is damaged, of another project, or of a lost key', async () => {
  const sealer = await open(1)
  const text = sealer.seal(project, summary('secret'))
  const [prefix, id, body = ''] = text.split('.')
  const flipped = `${prefix}.${id}.${body[0] === 'A' ? 'B' : 'A'}${body.slice(1)}`
  for (const broken of [flipped, text.slice(0, -2), `${text}AAAA`, `${prefix}.${id}.`, `${prefix}.`])
    assert.equal(sealer.open(project, broken), 'unreadable', broken)
  assert.equal(sealer.open(project, `${prefix}.__proto__.${body}`), 'unreadable')
  assert.equal(sealer.open('other', text), 'unreadable')
  assert.equal(sealer.open(project, 'gAAAAABpM0Yj'), 'foreign')
  keys = []
  assert.equal((await open(1)).open(project, text), 'unreadable')
})

it('agrees with one that starts at the same time on one key', async () => {
  const [one, two] = await Promise.all([open(1), open(1)])
  assert.equal(keys.length, 1)
  assert.deepEqual(two.open(project, one.seal(project, summary('text'))), summary('text'))
})

it('learns at once of a key that another gateway has made, and reads none for what it knows', async () => {
  const here = await open(1)
  const there = await open(1)
  await there.rotate(1 + rotateAfter)
  const text = there.seal(project, summary('text'))
  const item = { type: 'reasoning', encrypted_content: text }
  assert.equal(here.open(project, text), 'unreadable')
  await here.learn([item])
  assert.deepEqual(here.open(project, text), summary('text'))
  const known = [...keys]
  keys = []
  await here.learn([item, { type: 'reasoning', encrypted_content: 'of a provider' }])
  keys = known
  assert.deepEqual(
    here.open(project, here.seal(project, summary('more'))),
    summary('more'),
    'the newest is known still',
  )
})
