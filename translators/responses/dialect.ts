/** A variant of the Responses dialect: a contract table, options, and a few pure hooks → a Translator. */

import { bearer, fillProject, joinAddress } from '../shared/address.ts'
import { startDraft } from '../shared/apply-contract.ts'
import type { CanonicalRequest, JsonObject } from '../shared/canonical.ts'
import type { ContractFields, FieldOverrides } from '../shared/contract.ts'
import { type OptionsSchema, readOptions } from '../shared/options.ts'
import type {
  Contract,
  PollPlan,
  Refusal,
  Target,
  Translator,
  UpstreamRequest,
} from '../shared/translator.ts'
import { translateResponsesBody } from './body.ts'
import { readFailure } from './failure.ts'
import { buildBody } from './request.ts'
import { narrowBody, narrowRequest, readCompaction, readCount } from './side-routes.ts'
import { createResponsesStream, type StreamHooks } from './stream.ts'

export interface ResponsesVariant {
  /** The folder's name. */
  id: string
  /** The name people know. */
  title: string
  contract: Contract & { fields: ContractFields }
  options: OptionsSchema
  credentials: Translator['credentials']
  /** Header names that carry an idempotency key. Default: none. */
  idempotencyHeaders?: readonly string[]
  /** Milliseconds before each `GET <base>/responses/{id}`; absent when the provider documents no such route. */
  pollDelays?: readonly number[]
  /** Whether `POST <base>/responses/{id}/cancel` is documented. Default false. */
  hasCancel?: boolean
  /** Members of `POST <base>/responses/compact`; absent when the provider documents no such route. */
  compactMembers?: readonly string[]
  /** Members of `POST <base>/responses/input_tokens`; absent when the provider documents no such route. */
  countMembers?: readonly string[]
  /** Rows that an option replaces. Options come with their defaults filled in. */
  fields?(options: JsonObject): FieldOverrides
  /** Metadata keys that a client may not send. */
  reservedMetadata?(options: JsonObject): readonly string[]
  /** Default: `Authorization: Bearer <apiKey>`. */
  authorize?(target: Target): Record<string, string>
  /** The base address with the project in it. Default: `{project_id}` filled in. */
  base?(target: Target): string
  /** How the provider's answers are to be read. */
  answers?(options: JsonObject): Omit<StreamHooks, 'failure'>
}

export function createResponsesTranslator(variant: ResponsesVariant): Translator {
  const { id, title, contract, options, credentials, compactMembers, countMembers } = variant
  const hooksFor = (given: JsonObject): StreamHooks => ({
    ...variant.answers?.(readOptions(options, given)),
    failure: readFailure,
  })
  const ask = (path: string, members: readonly string[]) => (request: CanonicalRequest, target: Target) =>
    narrowBody(translateRequest(variant, narrowRequest(request, members), target, path), members)
  return {
    id,
    title,
    contract,
    options: options as unknown as JsonObject,
    credentials,
    request: (request, target) => translateRequest(variant, request, target),
    response: (body, context) => translateResponsesBody(body, context, hooksFor(context.options)),
    stream: (context) => createResponsesStream(context, hooksFor(context.options)),
    failure: readFailure,
    ...pollOf(variant),
    ...(compactMembers
      ? { compact: { request: ask('/compact', compactMembers), read: readCompaction } }
      : {}),
    ...(countMembers ? { countInput: { request: ask('/input_tokens', countMembers), read: readCount } } : {}),
  }
}

function pollOf(variant: ResponsesVariant): { poll?: PollPlan } {
  const { pollDelays: delays, hasCancel = false } = variant
  if (!delays) return {}
  const request = (upstreamId: string, target: Target, action = '') => ({
    url: addressOf(variant, target, `/${encodeURIComponent(upstreamId)}${action}`),
    headers: { ...authorization(variant, target), accept: 'application/json' },
  })
  const cancel: PollPlan['cancel'] = (upstreamId, target) => ({
    method: 'POST',
    ...request(upstreamId, target, '/cancel'),
  })
  return {
    poll: { request: (id, target) => request(id, target), delays, ...(hasCancel ? { cancel } : {}) },
  }
}

function addressOf({ base }: ResponsesVariant, target: Target, path = ''): string {
  const address = base ? base(target) : fillProject(target.baseUrl, target.projectId)
  return joinAddress(address, `/responses${path}`)
}

function authorization({ authorize }: ResponsesVariant, target: Target): Record<string, string> {
  return authorize ? authorize(target) : bearer(target)
}

function translateRequest(
  variant: ResponsesVariant,
  request: CanonicalRequest,
  target: Target,
  path = '',
): UpstreamRequest | Refusal {
  const options = readOptions(variant.options, target.options)
  const { contract } = variant
  const draft = startDraft({ request, target, contract, overrides: variant.fields?.(options) })
  const { toolNames, stream } = buildBody(draft, variant.reservedMetadata?.(options) ?? [])
  if (draft.refusal) return draft.refusal
  const { body, adaptations, guards } = draft
  const url = addressOf(variant, target, path)
  const headers = headersOf(variant, target, stream)
  return { ok: true, method: 'POST', url, headers, body, stream, adaptations, guards, toolNames }
}

function headersOf(variant: ResponsesVariant, target: Target, stream: boolean): Record<string, string> {
  const headers: Record<string, string> = {
    ...authorization(variant, target),
    'content-type': 'application/json',
    accept: stream ? 'text/event-stream' : 'application/json',
  }
  if (target.idempotencyKey)
    for (const name of variant.idempotencyHeaders ?? []) headers[name] = target.idempotencyKey
  return headers
}
