/** A variant of the Responses dialect: a contract table, options, and a few pure hooks → a Translator. */

import { bearer, fillProject, joinAddress } from '../shared/address.ts'
import { startDraft } from '../shared/apply-contract.ts'
import type { CanonicalRequest, JsonObject } from '../shared/canonical.ts'
import type { ContractFields, FieldOverrides } from '../shared/contract.ts'
import { type OptionsSchema, readOptions } from '../shared/options.ts'
import type { Contract, Refusal, Target, Translator, UpstreamRequest } from '../shared/translator.ts'
import { translateResponsesBody } from './body.ts'
import { readFailure } from './failure.ts'
import { buildBody } from './request.ts'
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
  const { id, title, contract, options, credentials, pollDelays } = variant
  const hooksFor = (given: JsonObject): StreamHooks => ({
    ...variant.answers?.(readOptions(options, given)),
    failure: readFailure,
  })
  const translator: Translator = {
    id,
    title,
    contract,
    options: options as unknown as JsonObject,
    credentials,
    request: (request, target) => translateRequest(variant, request, target),
    response: (body, context) => translateResponsesBody(body, context, hooksFor(context.options)),
    stream: (context) => createResponsesStream(context, hooksFor(context.options)),
    failure: readFailure,
  }
  if (!pollDelays) return translator
  const request = (upstreamId: string, target: Target) => ({
    url: addressOf(variant, target, `/${encodeURIComponent(upstreamId)}`),
    headers: { ...authorization(variant, target), accept: 'application/json' },
  })
  return { ...translator, poll: { request, delays: pollDelays } }
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
): UpstreamRequest | Refusal {
  const options = readOptions(variant.options, target.options)
  const { contract } = variant
  const draft = startDraft({ request, target, contract, overrides: variant.fields?.(options) })
  const { toolNames, stream } = buildBody(draft, variant.reservedMetadata?.(options) ?? [])
  if (draft.refusal) return draft.refusal
  const { body, adaptations, guards } = draft
  const url = addressOf(variant, target)
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
