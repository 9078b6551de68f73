/** Reading along, however what is kept and what is told come together: every event once, in order, to the end. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pause, setImmediate as tick } from 'node:timers/promises'
import fc from 'fast-check'
import type { JobsContext } from '../../../server/jobs/dependencies.ts'
import { EventHub } from '../../../server/jobs/event-hub.ts'
import { followResponse } from '../../../server/jobs/follow.ts'
import type { JobRunner } from '../../../server/jobs/runner.ts'
import { StoreError } from '../../../server/store/engine/driver.ts'
import type { EventChunk, StoredResponse } from '../../../server/store/state/state.ts'

/** A response as its runner, the store and its followers see it; one event is one letter. */
function createWorld({ streamed = true, isHere = true } = {}) {
  const hub = new EventHub()
  const kept: EventChunk[] = []
  const world = {
    hub,
    status: 'in_progress',
    exists: true,
    /** The store does not answer. */
    away: false,
    reads: 0,
    stopping: false,
    isHere,
    keep(text: string): EventChunk {
      const first = kept.reduce((sum, { count }) => sum + count, 0)
      const chunk = { first, count: text.length, text }
      kept.push(chunk)
      return chunk
    },
    whole: () => kept.map(({ text }) => text).join(''),
    follow(startingAfter: number, onText: (text: string) => void | Promise<void>, signal = never) {
      const options = { project: 'p', responseId: 'r', startingAfter, onText, signal }
      return followResponse(context, runner, options)
    },
  }
  const state = {
    async getResponse() {
      await tick()
      refuseWhileAway()
      return world.exists ? ({ status: world.status, streamed } as StoredResponse) : null
    },
    async readEvents(_project: string, _id: string, after: number) {
      world.reads += 1
      await tick()
      refuseWhileAway()
      return kept.flatMap((chunk) => {
        const skipped = Math.max(0, after + 1 - chunk.first)
        if (skipped >= chunk.count) return []
        return [
          { first: chunk.first + skipped, count: chunk.count - skipped, text: chunk.text.slice(skipped) },
        ]
      })
    },
  }
  function refuseWhileAway(): void {
    if (world.away) throw new StoreError('unreachable', 'The store cannot be reached.')
  }
  const context = { state, hub } as unknown as JobsContext
  const runner = {
    get: () => (world.isHere ? {} : null),
    get stopping() {
      return world.stopping
    },
  } as unknown as JobRunner
  return world
}

const never = new AbortController().signal

describe('following a response', () => {
  it('gives every event after the asked one exactly once, at any pace', async () => {
    const chunk = fc.record({
      text: fc.string({ minLength: 1, maxLength: 4 }),
      told: fc.boolean(),
      ticks: fc.nat(4),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(chunk, { maxLength: 12 }),
        fc.array(fc.record({ from: fc.integer({ min: -1, max: 12 }), slow: fc.nat(3), joins: fc.nat(12) }), {
          minLength: 1,
          maxLength: 4,
        }),
        async (chunks, followers) => {
          const world = createWorld()
          const reading: Promise<string>[] = []
          const join = (moment: number) => {
            for (const { from, slow, joins } of followers) {
              if (joins !== moment) continue
              let text = ''
              const end = world.follow(from, async (part) => {
                for (let step = 0; step < slow; step++) await tick()
                text += part
              })
              reading.push(end.then(() => `${from} ${text}`))
            }
          }
          for (const [index, { text, told, ticks }] of chunks.entries()) {
            join(index)
            for (let step = 0; step < ticks; step++) await tick()
            const kept = world.keep(text)
            // A chunk that nobody is told of is one that another process kept; some later news leads to it.
            if (told) world.hub.publish('r', kept, false)
          }
          for (let moment = chunks.length; moment <= 12; moment++) join(moment)
          const last = world.keep('.')
          world.status = 'completed'
          world.hub.publish('r', last, true)
          const whole = world.whole()
          for (const read of await Promise.all(reading)) {
            const [from] = read.split(' ', 1)
            assert.equal(read, `${from} ${whole.slice(Number(from) + 1)}`)
          }
        },
      ),
      { numRuns: 200 },
    )
  })
  it('looks into the store for what runs elsewhere', async () => {
    const world = createWorld({ isHere: false })
    world.keep('ab')
    let text = ''
    const end = world.follow(-1, (part) => {
      text += part
    })
    while (text !== 'ab') await pause(1)
    world.keep('c')
    while (text.length < 3) await pause(10)
    world.keep('.')
    world.status = 'completed'
    assert.equal(await end, null)
    assert.equal(text, 'abc.')
  })
  it('does not ask the store again and again for what runs here', async () => {
    const world = createWorld()
    let text = ''
    const end = world.follow(-1, (part) => {
      text += part
    })
    while (world.reads === 0) await tick()
    // That reading has ended then.
    await tick()
    const { reads } = world
    for (const letter of 'abcdefgh') {
      world.hub.publish('r', world.keep(letter), false)
      await tick()
    }
    while (text !== 'abcdefgh') await pause(1)
    assert.equal(world.reads, reads)
    world.status = 'completed'
    world.hub.publish('r', world.keep('.'), true)
    await end
  })
  it('waits for the end of one without a stream, and gives it', async () => {
    const world = createWorld({ streamed: false })
    const end = world.follow(-1, () => assert.fail('there are no events'))
    await pause(2)
    world.status = 'failed'
    world.hub.change('r')
    assert.equal((await end)?.status, 'failed')
    assert.equal(world.reads, 0)
  })
  it('ends when the reader has gone', async () => {
    const leaving = new AbortController()
    const world = createWorld()
    const end = world.follow(-1, () => {}, leaving.signal)
    await pause(2)
    leaving.abort()
    assert.equal(await end, null)
  })
  it('pauses while the store is away, and then gives what it has missed', async () => {
    const world = createWorld()
    world.keep('ab')
    let text = ''
    const end = world.follow(-1, (part) => {
      text += part
    })
    while (text !== 'ab') await pause(1)
    world.away = true
    world.hub.change('r')
    await pause(20)
    world.keep('c.')
    world.status = 'completed'
    world.away = false
    assert.equal(await end, null)
    assert.equal(text, 'abc.')
  })
  it('waits for the store no longer than for its client, or its process', async () => {
    const leaving = new AbortController()
    const world = createWorld()
    world.away = true
    const left = assert.rejects(
      world.follow(-1, () => {}, leaving.signal),
      { problem: 'unreachable' },
    )
    const stopped = assert.rejects(
      world.follow(-1, () => {}),
      { problem: 'unreachable' },
    )
    await pause(5)
    leaving.abort()
    await left
    world.stopping = true
    await stopped
  })
  it('fails when the response is deleted, or the process stops before its end', async () => {
    const deleted = createWorld()
    const end = assert.rejects(
      deleted.follow(-1, () => {}),
      { status: 404, code: 'not_found' },
    )
    await pause(2)
    deleted.exists = false
    deleted.hub.change('r')
    await end
    const stopped = createWorld()
    const left = assert.rejects(
      stopped.follow(-1, () => {}),
      { status: 503, code: 'shutting_down' },
    )
    await pause(2)
    stopped.stopping = true
    stopped.hub.change('r')
    await pause(2)
    stopped.isHere = false
    stopped.hub.change('r')
    await left
  })
})
