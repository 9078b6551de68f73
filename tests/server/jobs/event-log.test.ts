/** The events of a running job on their way into the store: in order, once each, kept before they are told. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pause, setImmediate as tick } from 'node:timers/promises'
import { EventHub, type News } from '../../../server/jobs/event-hub.ts'
import { JobEventLog } from '../../../server/jobs/event-log.ts'
import type { EventChunk } from '../../../server/store/state/state.ts'

const never = new AbortController().signal

function createLog(append: (chunk: EventChunk) => Promise<boolean>, signal = never) {
  const hub = new EventHub()
  const feed = hub.open('resp_1')
  const told = { lost: 0, troubles: 0, drained: 0 }
  const log = new JobEventLog({
    state: { appendEvents: (_id, chunk) => append(chunk) },
    hub,
    responseId: 'resp_1',
    nextSequence: 2,
    onLost: () => {
      told.lost += 1
    },
    onTrouble: () => {
      told.troubles += 1
    },
    signal,
  })
  log.onDrain(() => {
    told.drained += 1
  })
  return { log, feed, told }
}

/** A store whose writes end when the test says so. */
function createGate() {
  const chunks: EventChunk[] = []
  const open: ((kept: boolean) => void)[] = []
  return {
    chunks,
    append: (chunk: EventChunk) =>
      new Promise<boolean>((resolve) => {
        chunks.push(chunk)
        open.push(resolve)
      }),
    /** Ends the oldest write that is under way, once there is one. */
    async end(kept = true): Promise<void> {
      while (open.length === 0) await pause(1)
      open.shift()?.(kept)
      await tick()
    },
  }
}

const isTold = (news: News) => (news.kind === 'events' ? news.chunk.text : news.kind)

describe('the log of a job', () => {
  it('gathers what comes while a write is under way, and tells it once it is kept', async () => {
    const gate = createGate()
    const { log, feed } = createLog(gate.append)
    assert.equal(log.write('a', 1), true)
    log.write('b', 1)
    log.write('c', 2)
    assert.deepEqual(gate.chunks, [{ first: 2, count: 1, text: 'a' }])
    const news = feed.next(60_000, never)
    await gate.end()
    assert.equal(isTold(await news), 'a')
    await gate.end()
    assert.deepEqual(gate.chunks[1], { first: 3, count: 3, text: 'bc' })
    assert.equal(isTold(await feed.next(60_000, never)), 'bc')
  })
  it('tries again what could not be kept, with what came since, and tells nothing before', async () => {
    const chunks: EventChunk[] = []
    const { log, feed, told } = createLog(async (chunk) => {
      chunks.push(chunk)
      if (chunks.length === 1) throw new Error('disk full')
      return true
    })
    log.write('a', 1)
    await tick()
    log.write('b', 1)
    assert.equal(isTold(await feed.next(60_000, never)), 'ab')
    assert.deepEqual(chunks, [
      { first: 2, count: 1, text: 'a' },
      { first: 2, count: 2, text: 'ab' },
    ])
    assert.deepEqual(told, { lost: 0, troubles: 1, drained: 0 })
  })
  it('leaves to the end what had not been kept by then', async () => {
    const gate = createGate()
    const { log } = createLog(gate.append)
    log.write('a', 1)
    log.write('b', 1)
    const settled = log.settle()
    log.write('c', 1)
    await gate.end()
    await settled
    assert.deepEqual(log.rest(), { first: 3, count: 2, text: 'bc' })
    assert.equal(gate.chunks.length, 1)
  })
  it('leaves a write that failed to the end as well', async () => {
    const { log } = createLog(() => Promise.reject(new Error('disk full')))
    log.write('a', 1)
    await log.settle()
    assert.deepEqual(log.rest(), { first: 2, count: 1, text: 'a' })
  })
  it('stands still while it is held, and goes on after', async () => {
    const gate = createGate()
    const { log } = createLog(gate.append)
    log.write('a', 1)
    const held = log.hold()
    await gate.end()
    await held
    log.write('b', 1)
    await tick()
    assert.equal(gate.chunks.length, 1)
    log.release()
    await gate.end()
    assert.deepEqual(gate.chunks[1], { first: 3, count: 1, text: 'b' })
  })
  it('says that it is lost, and writes no more', async () => {
    const gate = createGate()
    const { log, told } = createLog(gate.append)
    log.write('a', 1)
    await gate.end(false)
    log.write('b', 1)
    await log.settle()
    assert.deepEqual([told.lost, gate.chunks.length], [1, 1])
  })
  it('holds the provider up while too much waits', async () => {
    const gate = createGate()
    const { log, told } = createLog(gate.append)
    const large = 'x'.repeat(600_000)
    assert.equal(log.write(large, 1), true)
    assert.equal(log.write(large, 1), false)
    assert.equal(told.drained, 0)
    await gate.end()
    while (told.drained === 0) await pause(1)
    assert.equal(told.drained, 1)
  })
})

describe('the news of a response', () => {
  it('are dropped for a follower that is too far behind, who is sent to the store', async () => {
    const hub = new EventHub()
    const feed = hub.open('resp_1')
    const chunk = (first: number) => ({ first, count: 1, text: 'x'.repeat(150_000) })
    for (let first = 0; first < 5; first++) hub.publish('resp_1', chunk(first), false)
    assert.equal((await feed.next(1, never)).kind, 'changed')
  })
  it('come to those who follow it, and to nobody after', async () => {
    const hub = new EventHub()
    const feeds = [hub.open('resp_1'), hub.open('resp_1'), hub.open('resp_2')]
    hub.publish('resp_1', { first: 0, count: 1, text: 'a' }, true)
    const news = await Promise.all(feeds.map((feed) => feed.next(1, never)))
    assert.deepEqual(news.map(isTold), ['a', 'a', 'changed'])
    for (const feed of feeds) feed.close()
    await hub.unfollowed('resp_1', 60_000)
  })
  it('let a deletion wait until those who follow have gone', async () => {
    const hub = new EventHub()
    const feed = hub.open('resp_1')
    let gone = false
    const waiting = hub.unfollowed('resp_1', 60_000).then(() => {
      gone = true
    })
    await tick()
    assert.equal(gone, false)
    feed.close()
    await waiting
    assert.equal(gone, true)
    hub.open('resp_1')
    await hub.unfollowed('resp_1', 1)
  })
  it('end a wait that is given up', async () => {
    const feed = new EventHub().open('resp_1')
    const leaving = new AbortController()
    const news = feed.next(60_000, leaving.signal)
    leaving.abort()
    assert.equal((await news).kind, 'changed')
    assert.equal((await feed.next(60_000, leaving.signal)).kind, 'changed')
  })
})
