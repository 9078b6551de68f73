import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { withinTime } from '../../../server/store/threads/answer-time.ts'
import { ReaderThread } from '../../../server/store/threads/reader-thread.ts'
import { HungThreadError, WorkerClient } from '../../../server/store/threads/worker-client.ts'
import { makeDirectory, openTestStore } from './fixtures.ts'
import type { HangingCalls } from './hanging-worker.ts'

function startHanging(patience: number, startsIn = 0) {
  const told: string[] = []
  const hung: Promise<unknown>[] = []
  const client = new WorkerClient<HangingCalls>({
    script: new URL('./hanging-worker.ts', import.meta.url),
    settings: startsIn,
    patience,
    onLost: (reason) => told.push(reason),
    onHung: (ended) => hung.push(ended),
  })
  return { client, told, hung }
}

test('a thread that gives no answer is given up, and all who wait for it hear so', async () => {
  const { client, told, hung } = startHanging(5000)
  assert.equal(await client.call('answer', null), 'here')
  const waiting = [client.call('hang', 60_000), client.call('answer', null)]
  for (const result of await Promise.allSettled(waiting)) {
    assert.ok(result.status === 'rejected' && result.reason instanceof HungThreadError)
    assert.match(result.reason.message, /no answer within 5 s/)
  }
  assert.deepEqual([told.length, hung.length, client.stopped], [1, 1, true])
  await hung[0]
})

test('a thread that answers one after the other is not hung, however long they take together', async () => {
  const { client, told } = startHanging(5000)
  const answers = await Promise.all(Array.from({ length: 6 }, () => client.call('hang', 1000)))
  assert.deepEqual(answers, Array(6).fill('late'))
  assert.deepEqual(told, [])
  await client.stop()
})

test('a hung reader is replaced and counted', async (t) => {
  const path = join(await makeDirectory(t), 'locked.db')
  const owner = new Database(path)
  owner.exec('CREATE TABLE held (value); BEGIN EXCLUSIVE')
  const reader = new ReaderThread({
    settings: { place: { kind: 'file', path }, busyTimeout: 600_000, timeout: 100, width: 1 },
    patience: 300,
    onDamage: assert.fail,
  })
  await assert.rejects(reader.call('sealKeys', null), HungThreadError)
  await assert.rejects(reader.call('sealKeys', null), HungThreadError)
  assert.equal(reader.replaced, 2)
  // A thread ends when what it hangs on does.
  owner.close()
  await reader.stop()
})

test('a store whose threads answer has replaced none', async (t) => {
  assert.equal((await openTestStore(t)).hungReaders(), 0)
})

test('the time that a thread takes to be there is none in which it gave no answer', async () => {
  const { client, told } = startHanging(2000, 4000)
  assert.equal(await client.call('answer', null), 'here')
  assert.deepEqual(told, [])
  await client.stop()
})

test('an answer that came while this thread was busy is not too late', async () => {
  const { port1, port2 } = new MessageChannel()
  const answer = new Promise((resolve) => port2.on('message', resolve))
  const waiting = withinTime(answer, 10, { onLate: () => new Error('late'), onAnswer: () => undefined })
  port1.postMessage('here')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  assert.equal(await waiting, 'here')
  port1.close()
})
