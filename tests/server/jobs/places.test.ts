import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Places } from '../../../server/jobs/places.ts'

const never = new AbortController().signal

it('gives places in the order in which they were waited for', async () => {
  const places = new Places(() => 2)
  assert.equal(await places.wait(never), true)
  places.take()
  assert.equal(places.free, 0)
  const got: string[] = []
  const waits = ['first', 'second'].map(async (name) => {
    assert.equal(await places.wait(never), true)
    got.push(name)
  })
  assert.equal(places.free, -2, 'those who wait go before those who come')
  places.release()
  await waits[0]
  assert.deepEqual(got, ['first'])
  places.release()
  await Promise.all(waits)
  assert.deepEqual(got, ['first', 'second'])
  places.release()
  places.release()
  assert.equal(places.free, 2)
})

it('lets one go who does not wait any longer', async () => {
  const places = new Places(() => 1)
  places.take()
  const leaving = new AbortController()
  const gone = places.wait(leaving.signal)
  const stays = places.wait(never)
  leaving.abort()
  assert.equal(await gone, false)
  assert.equal(await places.wait(leaving.signal), false)
  places.release()
  assert.equal(await stays, true)
})

it('gives no more places than there are now', async () => {
  let limit = 2
  const places = new Places(() => limit)
  places.take()
  places.take()
  const waiting = places.wait(never)
  limit = 1
  places.release()
  assert.equal(places.free, -1)
  places.release()
  assert.equal(await waiting, true)
})
