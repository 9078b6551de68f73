/** Signs of life: they go on, and nobody is held to be dead by one who was away itself. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Pulse } from '../../../server/jobs/pulse.ts'

const validity = 60

/** What it did with the store, in order. */
function listen() {
  const told: string[] = []
  let isAway = false
  const state = {
    async beat(milliseconds: number) {
      if (isAway) {
        told.push('away')
        throw new Error('unreachable')
      }
      told.push(milliseconds === 0 ? 'last' : 'beat')
      return true
    },
    async buryDead() {
      told.push('bury')
    },
  }
  const troubles: unknown[] = []
  const pulse = new Pulse({ state, onTrouble: (error) => troubles.push(error) }, { interval: 5, validity })
  return { told, troubles, pulse, leave: (away: boolean) => (isAway = away) }
}

it('ends the rights of the dead once it has lived long enough to know, and says when it goes', async () => {
  const { told, pulse } = listen()
  await pulse.start()
  while (!told.includes('bury')) await pause(5)
  assert.ok(told.indexOf('bury') >= 2, `${told}`)
  await pulse.stop()
  assert.equal(told.at(-1), 'last')
  const { length } = told
  await pause(20)
  assert.equal(told.length, length, 'nothing after that')
})

it('gives the others their time after the store was away', async () => {
  const { told, troubles, pulse, leave } = listen()
  await pulse.start()
  while (!told.includes('bury')) await pause(5)
  leave(true)
  const until = performance.now() + 2 * validity
  while (performance.now() < until || troubles.length === 0) await pause(5)
  leave(false)
  const back = told.length
  while (!told.slice(back).includes('bury')) await pause(5)
  assert.ok(told.slice(back).indexOf('bury') >= 2, `${told.slice(back)}`)
  assert.ok(troubles.length > 0)
  await pulse.stop()
})
