/** What is kept of an accepted request, so that another process can run it. No credentials. */
import type { CanonicalRequest } from '../../translators/shared/canonical.ts'
import type { EventDialect, UnsupportedPolicy } from '../../translators/shared/translator.ts'
import type { Caller, Exchange } from '../gateway/exchange.ts'

export interface KeptRequest {
  /** Its input items have their ids. */
  request: CanonicalRequest
  caller: Caller
  unsupported: UnsupportedPolicy | null
  events: EventDialect
  /** Of the client, for providers that know such a header. */
  idempotencyKey: string | null
  /** See `JobRun.isPrompted`. */
  isPrompted: boolean
  /** Of the exchange. Absent in what earlier versions have kept. */
  session?: string | null
  /** Of the exchange: the trace that later runs belong to. Absent in what earlier versions have kept. */
  traceHeaders?: Exchange['traceHeaders']
  /** Of the exchange: who asked, for the record of a run elsewhere. Absent in what earlier versions have kept. */
  received?: Pick<Exchange, 'id' | 'clientRequestId' | 'clientAddress' | 'userAgent'>
}

export function writeKeptRequest(kept: KeptRequest): string {
  return JSON.stringify(kept)
}

export function readKeptRequest(text: string): KeptRequest {
  return JSON.parse(text) as KeptRequest
}

/** The upstream idempotency key of a job: a provider that knows keys then never runs it twice. */
export function upstreamKey({ idempotencyKey }: KeptRequest, responseId: string): string {
  return idempotencyKey ?? responseId
}
