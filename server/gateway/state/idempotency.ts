/**
 * A repeated call with the same key gets the first one's answer. The claim on a key stands in the store, so that it
 * holds for all instances; those of this process are known here as well, so that a crowd of repeats costs no writes.
 */
import { createHash } from 'node:crypto'
import type { EventDialect, UnsupportedPolicy } from '../../../translators/shared/translator.ts'
import type { Runtime } from '../../config/runtime.ts'
import { GatewayError } from '../../errors.ts'
import type { ClaimResult, IdempotentAnswer, StateStore } from '../../store/state/state.ts'
import type { Exchange } from '../exchange.ts'

/** The right of one request to answer under its key. Released unless it was completed. */
export interface ClaimedKey {
  readonly key: string
  /**
   * What providers are told in place of the key: the same for every try of the call, and no other project's, since
   * projects may share an account there and must not find out about each other.
   */
  readonly providerKey: string
  /** Notes that the answer was kept together with the turn. */
  complete(): void
  /** Keeps the answer of a request that keeps no turn. Never rejects: the key is released where that fails. */
  keep(answer: IdempotentAnswer): Promise<void>
  /**
   * Gives the key back when nothing was kept under it; else does nothing. To be called before the client is told of
   * the failure, which it may answer with another try at once. Never rejects.
   */
  release(): Promise<void>
}

export interface ClaimOptions {
  runtime: Runtime
  project: string
  /** 1 to 255 characters. */
  key: string
  /** See `createFingerprint`. */
  fingerprint: string
  /** Ends the wait for the first call. */
  signal: AbortSignal
}

export type Claimed =
  | { kind: 'first'; claim: ClaimedKey }
  /** The answer that the first call had. */
  | { kind: 'repeated'; answer: IdempotentAnswer }

export interface Idempotency {
  /**
   * Claims a key; waits for another holder of it up to `state.idempotencyWait` milliseconds.
   * @throws GatewayError `idempotency_key_conflict` or `idempotency_key_in_progress` (409), `store_unavailable` (503),
   * `client_closed_request`
   */
  claim(options: ClaimOptions): Promise<Claimed>
}

export interface FingerprintOptions {
  operation: Exchange['operation']
  events: EventDialect
  unsupported: UnsupportedPolicy | null
  /** As it was sent, but for its content-encoding. */
  body: Uint8Array
}

/**
 * What has to be the same for a call to be a repeat of another: the operation, the headers that change its answer,
 * and the bytes of its body. A body that only says the same, with its members in another order, is another body:
 * whoever repeats a call has the bytes, and telling more alike would cost a parse and a sort of each.
 */
export function createFingerprint({ operation, events, unsupported, body }: FingerprintOptions): string {
  return `${operation} ${events} ${unsupported ?? ''} ${createHash('sha256').update(body).digest('base64url')}`
}

const eventStream = 'text/event-stream; charset=utf-8'

/** The kept answer of a streamed background response: a repeat follows its events anew, from the first one. */
export function followAnswer(responseId: string, headers: Record<string, string> = {}): IdempotentAnswer {
  return { status: 200, headers: { ...headers, 'content-type': eventStream }, body: responseId }
}

/** The id of the response that `followAnswer` was made for; null for an answer that is whole. */
export function followedResponse({ headers, body }: IdempotentAnswer): string | null {
  // A whole stream begins with the name of its first event.
  return headers['content-type'] === eventStream && !body.startsWith('event:') ? body : null
}

/** Milliseconds between two looks at a claim of another instance: the first, doubled each time, up to the longest. */
const firstPause = 50
const longestPause = 1000

/** A claim of this process that is not settled. */
interface Holder {
  fingerprint: string
  /** Those who wait for its end. */
  waiting: Set<() => void>
}

interface Registry {
  state: StateStore
  holders: Map<string, Holder>
  /** Keys that could not be given back, because the store could not be written. */
  stuck: Set<string>
}

export function createIdempotency({ state }: { state: StateStore }): Idempotency {
  const registry: Registry = { state, holders: new Map(), stuck: new Set() }
  return {
    async claim(options) {
      const id = registryId(options)
      const until = performance.now() + options.runtime.state.idempotencyWait
      for (let pause = firstPause; ; pause = Math.min(2 * pause, longestPause)) {
        const result = await tryToClaim(registry, id, options)
        if (result.kind === 'claimed') return { kind: 'first', claim: holdKey(registry, id, options) }
        if (result.kind === 'done') return { kind: 'repeated', answer: result.answer }
        if (result.kind === 'conflict') throw keyConflict()
        const left = until - performance.now()
        if (left <= 0) throw keyInProgress()
        const holder = registry.holders.get(id)
        await waitForEnd(holder, holder === undefined ? Math.min(pause, left) : left, options.signal)
        if (options.signal.aborted)
          throw new GatewayError('client_closed_request', 'The client closed the connection.')
      }
    },
  }
}

function registryId({ project, key }: ClaimOptions): string {
  return `${project}\n${key}`
}

async function tryToClaim(registry: Registry, id: string, options: ClaimOptions): Promise<ClaimResult> {
  const { state, holders, stuck } = registry
  const { project, key, fingerprint } = options
  const holder = holders.get(id)
  if (holder !== undefined) return { kind: holder.fingerprint === fingerprint ? 'running' : 'conflict' }
  const wasStuck = stuck.delete(id)
  try {
    if (wasStuck) await state.releaseKey(project, key)
    return await state.claimKey({ project, key, fingerprint, expiresAt: expiryOfKey(options) })
  } catch (error) {
    if (wasStuck && !holders.has(id)) stuck.add(id)
    // Without the claim nothing says that the call is not made twice.
    throw new GatewayError(
      'store_unavailable',
      'The Idempotency-Key could not be claimed: the store cannot be written. Nothing was done; try again.',
      { retryAfterSeconds: 1, cause: error },
    )
  }
}

function expiryOfKey({ runtime }: ClaimOptions): number {
  return Date.now() + Math.round(runtime.state.idempotencyHours * 3_600_000)
}

function holdKey({ state, holders, stuck }: Registry, id: string, options: ClaimOptions): ClaimedKey {
  const { project, key, fingerprint } = options
  const holder: Holder = { fingerprint, waiting: new Set() }
  holders.set(id, holder)
  let settled = false
  function settle(): void {
    settled = true
    holders.delete(id)
    for (const wake of holder.waiting) wake()
  }
  return {
    key,
    providerKey: createHash('sha256').update(id).digest('base64url'),
    complete: settle,
    async keep(answer) {
      try {
        await state.completeKey(project, key, expiryOfKey(options), answer)
        settle()
      } catch {
        // The answer is good all the same; its caller releases the key.
      }
    },
    async release() {
      if (settled) return
      settled = true
      await state.releaseKey(project, key).catch(() => stuck.add(id))
      // Only now, so that who waited finds the key free.
      settle()
    },
  }
}

/** Resolves at the end of the holder's claim, after some time, or when the signal aborts. */
function waitForEnd(holder: Holder | undefined, milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    function wake(): void {
      clearTimeout(timer)
      holder?.waiting.delete(wake)
      signal.removeEventListener('abort', wake)
      resolve()
    }
    const timer = setTimeout(wake, milliseconds)
    holder?.waiting.add(wake)
    signal.addEventListener('abort', wake)
  })
}

function keyConflict(): GatewayError {
  return new GatewayError(
    'idempotency_key_conflict',
    'This Idempotency-Key was used for another request. Use a new key for every request, and the same one only to repeat it unchanged.',
    { param: 'idempotency-key' },
  )
}

function keyInProgress(): GatewayError {
  return new GatewayError(
    'idempotency_key_in_progress',
    'The first request with this Idempotency-Key is still running. Try again when it has ended.',
    { param: 'idempotency-key', retryAfterSeconds: 1 },
  )
}
