/** What the headers of one request say, over what its key says. */
import type { IncomingHttpHeaders } from 'node:http'
import type { EventDialect, UnsupportedPolicy } from '../../translators/shared/translator.ts'
import type { KeyRuntime, Runtime } from '../config/runtime.ts'
import { GatewayError } from '../errors.ts'
import type { Exchange } from '../gateway/exchange.ts'
import { type Claimed, createFingerprint, type Idempotency } from '../gateway/state/idempotency.ts'

export interface RequestOptions {
  /** Null leaves it to each provider. */
  unsupported: UnsupportedPolicy | null
  events: EventDialect
  idempotencyKey: string | null
}

/** @throws GatewayError `invalid_request` (400) naming the header. */
export function readOptions(headers: IncomingHttpHeaders, key: KeyRuntime | null): RequestOptions {
  return {
    unsupported:
      readChoice(headers, 'x-dragoman-unsupported', ['adapt', 'reject'] as const) ?? key?.unsupported ?? null,
    events:
      readChoice(headers, 'x-dragoman-events', ['openai', 'open-responses'] as const) ??
      key?.events ??
      'openai',
    idempotencyKey: readIdempotencyKey(headers),
  }
}

export interface ClaimKeyOptions extends Pick<RequestOptions, 'events' | 'unsupported' | 'idempotencyKey'> {
  idempotency: Idempotency
  runtime: Runtime
  exchange: Exchange
  /** Of the caller. */
  project: string
  /** As it was sent, but for its content-encoding. */
  body: Uint8Array
  signal: AbortSignal
}

/**
 * Claims the request's key, to be done once the request is known to be valid, so that a 400 uses up none.
 * @returns null for a request without a key.
 * @throws GatewayError as `Idempotency.claim` does.
 */
export async function claimKey(options: ClaimKeyOptions): Promise<Claimed | null> {
  const { idempotency, idempotencyKey: key, runtime, exchange, project, body, signal } = options
  if (key === null) return null
  const { events, unsupported } = options
  const fingerprint = createFingerprint({ operation: exchange.operation, events, unsupported, body })
  return idempotency.claim({ runtime, project, key, fingerprint, signal })
}

export function singleHeader(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

function readChoice<Choice extends string>(
  headers: IncomingHttpHeaders,
  name: string,
  choices: readonly Choice[],
): Choice | null {
  const value = singleHeader(headers[name])
  if (value === undefined) return null
  const found = choices.find((choice) => choice === value)
  if (found !== undefined) return found
  throw new GatewayError(
    'invalid_request',
    `The header ${name} must be ${choices.join(' or ')}, not '${value.slice(0, 40)}'.`,
    { param: name },
  )
}

function readIdempotencyKey(headers: IncomingHttpHeaders): string | null {
  const key = singleHeader(headers['idempotency-key']) ?? singleHeader(headers['x-idempotency-key'])
  if (key === undefined || key === '') return null
  if (key.length <= 255 && /^[\x21-\x7e]+$/.test(key)) return key
  throw new GatewayError(
    'invalid_request',
    'The Idempotency-Key must be 1 to 255 visible ASCII characters.',
    { param: 'idempotency-key' },
  )
}
