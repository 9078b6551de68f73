/** Claims on idempotency keys over the real store, and what happens when it cannot be written. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Runtime } from '../../../../server/config/runtime.ts'
import {
  type Claimed,
  createFingerprint,
  createIdempotency,
  followAnswer,
  followedResponse,
  type Idempotency,
} from '../../../../server/gateway/state/idempotency.ts'
import type { IdempotentAnswer, StateStore } from '../../../../server/store/state/state.ts'
import { openTestStore } from '../../store/fixtures.ts'

const answer: IdempotentAnswer = { status: 200, headers: { 'content-type': 'application/json' }, body: '{}' }

interface Setup {
  idempotency: Idempotency
  /** Calls of the store's methods, in order. */
  calls: string[]
  /** While set, these methods reject. */
  broken: Set<string>
  claim(fingerprint: string, wait?: number, signal?: AbortSignal): Promise<Claimed>
}

async function setUp(t: TestContext): Promise<Setup> {
  const { state } = await openTestStore(t)
  const calls: string[] = []
  const broken = new Set<string>()
  const watched = new Proxy(state, {
    get(target, name: keyof StateStore & string) {
      const value = target[name]
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        calls.push(name)
        if (broken.has(name)) return Promise.reject(new Error('the disk is full'))
        return (value as (...args: unknown[]) => unknown).apply(target, args)
      }
    },
  })
  const idempotency = createIdempotency({ state: watched })
  return {
    idempotency,
    calls,
    broken,
    claim: (fingerprint, wait = 0, signal = new AbortController().signal) =>
      idempotency.claim({
        runtime: { state: { idempotencyWait: wait, idempotencyHours: 24 } } as Runtime,
        project: 'acme',
        key: 'k',
        fingerprint,
        signal,
      }),
  }
}

function claimOf(claimed: Claimed) {
  assert.equal(claimed.kind, 'first')
  return claimed.claim
}

test('a crowd that comes while the first runs writes nothing', async (t) => {
  const { claim, calls } = await setUp(t)
  const first = claimOf(await claim('a'))
  calls.length = 0
  for (let count = 0; count < 50; count++) {
    await assert.rejects(claim('a'), { code: 'idempotency_key_in_progress', retryAfterSeconds: 1 })
    await assert.rejects(claim('b'), { code: 'idempotency_key_conflict' })
  }
  const waiting = Array.from({ length: 50 }, () => claim('a', 60_000))
  assert.deepEqual(calls, [])
  await first.keep(answer)
  await first.release()
  for (const one of await Promise.all(waiting)) assert.deepEqual(one, { kind: 'repeated', answer })
})

test('a released key goes to one of those that wait, and so on', async (t) => {
  const { claim } = await setUp(t)
  let holder = claimOf(await claim('a'))
  const waiting = new Set(Array.from({ length: 4 }, () => claim('a', 60_000)))
  for (let count = 0; count < 4; count++) {
    await holder.release()
    const [next, promise] = await Promise.race([...waiting].map(async (one) => [await one, one] as const))
    waiting.delete(promise)
    holder = claimOf(next)
  }
  await holder.keep(answer)
  assert.deepEqual(await claim('a'), { kind: 'repeated', answer })
})

test('who waits gives up with its client, and after its time', async (t) => {
  const { claim } = await setUp(t)
  const holder = claimOf(await claim('a'))
  const gone = new AbortController()
  const waiting = claim('a', 60_000, gone.signal)
  gone.abort()
  await assert.rejects(waiting, { code: 'client_closed_request' })
  await assert.rejects(claim('a', 20), { code: 'idempotency_key_in_progress' })
  await holder.release()
})

test('a claim of another instance is waited for by looking at the store', async (t) => {
  const { state } = await openTestStore(t)
  const runtime = { state: { idempotencyWait: 60_000, idempotencyHours: 24 } } as Runtime
  const options = {
    runtime,
    project: 'acme',
    key: 'k',
    fingerprint: 'a',
    signal: new AbortController().signal,
  }
  const here = createIdempotency({ state })
  const there = createIdempotency({ state })
  const first = claimOf(await here.claim(options))
  const second = there.claim(options)
  await first.keep(answer)
  assert.deepEqual(await second, { kind: 'repeated', answer })
})

test('without the store no call is made under a key', async (t) => {
  const { claim, broken } = await setUp(t)
  broken.add('claimKey')
  await assert.rejects(claim('a'), { code: 'store_unavailable', status: 503 })
  broken.clear()
  await claimOf(await claim('a')).release()
})

test('a key that could not be given back is given back later', async (t) => {
  const { claim, broken } = await setUp(t)
  const first = claimOf(await claim('a'))
  broken.add('releaseKey')
  await first.release()
  await assert.rejects(claim('a'), { code: 'store_unavailable' })
  broken.clear()
  const second = claimOf(await claim('b'))
  await assert.rejects(claim('b'), { code: 'idempotency_key_in_progress' })
  await second.keep(answer)
  assert.deepEqual(await claim('b'), { kind: 'repeated', answer })
})

test('an answer that could not be kept leaves the key free', async (t) => {
  const { claim, broken } = await setUp(t)
  const first = claimOf(await claim('a'))
  broken.add('completeKey')
  await first.keep(answer)
  await first.release()
  claimOf(await claim('b'))
})

test('a completed claim is not given back', async (t) => {
  const { claim, calls } = await setUp(t)
  const first = claimOf(await claim('a'))
  first.complete()
  await first.release()
  assert.deepEqual(calls, ['claimKey'])
})

test('a fingerprint tells operations, dialects, policies and bodies apart', () => {
  const one = {
    operation: 'responses.create',
    events: 'openai',
    unsupported: null,
    body: Buffer.from('{"a":1,"b":2}'),
  } as const
  const all = [
    one,
    { ...one, operation: 'responses.compact' as const },
    { ...one, events: 'open-responses' as const },
    { ...one, unsupported: 'adapt' as const },
    { ...one, body: Buffer.from('{"b":2,"a":1}') },
  ].map(createFingerprint)
  assert.equal(new Set(all).size, all.length)
  assert.equal(createFingerprint({ ...one, body: Buffer.from(one.body) }), all[0])
})

test('the kept answer of a streamed background response names the response to follow', () => {
  const follow = followAnswer('resp_1', { 'x-dragoman-provider': 'one' })
  assert.equal(followedResponse(follow), 'resp_1')
  assert.equal(follow.headers['x-dragoman-provider'], 'one')
  assert.equal(followedResponse({ ...follow, body: 'event: response.created\ndata: {}\n\n' }), null)
  assert.equal(followedResponse(answer), null)
})
