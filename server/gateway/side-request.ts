/** Requests beside `POST /v1/responses` that take a part of its members and answer with one JSON body. */
import { type CanonicalRequest, isObject } from '../../translators/shared/canonical.ts'
import type { EventDialect, UnsupportedPolicy } from '../../translators/shared/translator.ts'
import type { Runtime } from '../config/runtime.ts'
import { type Candidate, selectCandidates } from './candidates.ts'
import type { Exchange } from './exchange.ts'
import { createId } from './ids.ts'
import type { ClaimedKey } from './state/idempotency.ts'
import { previewTurn, type Turn } from './state/turn.ts'
import { validateRequest } from './validate-request.ts'
import type { GatewayDependencies } from './work.ts'

export interface SideOptions {
  exchange: Exchange
  /** See `pickRequest`. */
  request: CanonicalRequest
  unsupported: UnsupportedPolicy | null
  events: EventDialect
  claim: ClaimedKey | null
  idempotencyKey: string | null
  /** Aborts when the client goes away. */
  signal: AbortSignal
}

export interface SideWork extends SideOptions {
  dependencies: GatewayDependencies
  runtime: Runtime
  /** With the whole input; holds no lock. */
  turn: Turn
  candidates: readonly Candidate[]
}

/**
 * The members of a body that a route knows, checked; others are ignored, whatever they hold.
 * @throws GatewayError `invalid_request` naming `param`.
 */
export function pickRequest(body: unknown, members: readonly string[]): CanonicalRequest {
  if (!isObject(body)) return validateRequest(body)
  return validateRequest(Object.fromEntries(Object.entries(body).filter(([name]) => members.includes(name))))
}

/** @throws GatewayError for what the request continues and that is not there, and as selectCandidates does. */
export async function beginSide(dependencies: GatewayDependencies, options: SideOptions): Promise<SideWork> {
  const { exchange, request, signal, unsupported, idempotencyKey } = options
  const runtime = dependencies.runtime()
  const turn = await previewTurn(dependencies, {
    runtime,
    request,
    project: exchange.caller?.projectId ?? '',
    local: null,
    responseId: createId('resp'),
    createdAt: exchange.createdAt,
    signal,
  })
  exchange.model = turn.request.model
  exchange.session ??= turn.conversation ?? turn.root
  exchange.adaptations.push(...turn.adaptations)
  const candidates = selectCandidates({
    runtime,
    request: turn.resolved,
    resolved: dependencies.resolveModel(runtime, turn.request.model),
    projectId: turn.project,
    unsupported,
    idempotencyKey,
  })
  return { ...options, dependencies, runtime, turn, candidates }
}
