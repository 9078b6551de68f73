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
      addSealKey: async (key) => {
        keys.unshift(key)
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
