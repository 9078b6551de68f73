/** A canonical request as the body of a Responses provider, by its contract table. */
import {
  admit,
  applyPlain,
  applyUnknown,
  type Draft,
  fieldContract,
  lose,
  type PlainField,
} from '../shared/apply-contract.ts'
import { isObject, type JsonObject } from '../shared/canonical.ts'
import { knownMembers } from '../shared/contract-fields.ts'
import { toolNameMap } from '../shared/tool-names.ts'
import type { UpstreamRequest } from '../shared/translator.ts'
import { applyInput, applyMetadata } from './input.ts'
import { applyInclude, applyLogprobs, applyReasoning, applyTextConfig } from './text-and-reasoning.ts'
import { applyTools, namesOf } from './tools.ts'

const isFalse = (value: unknown) => value === false
const isZero = (value: unknown) => value === 0

const plainFields: readonly PlainField[] = [
  { field: 'prompt' },
  { field: 'background', isDefault: isFalse },
  { field: 'max_output_tokens' },
  { field: 'temperature' },
  { field: 'top_p' },
  { field: 'presence_penalty', isDefault: isZero },
  { field: 'frequency_penalty', isDefault: isZero },
  { field: 'top_logprobs', isDefault: isZero },
  { field: 'service_tier', isDefault: (value) => value === 'auto' || value === 'default' },
  { field: 'truncation', isDefault: (value) => value === 'disabled' },
  { field: 'prompt_cache_key' },
]

/** Builds `draft.body`; returns the names that were changed and whether a stream is asked for. */
export function buildBody(
  draft: Draft,
  reservedMetadata: readonly string[],
): Pick<UpstreamRequest, 'toolNames' | 'stream'> {
  const names = namesOf(draft)
  // Which models a provider may serve is settled where targets are resolved: the configuration can widen it.
  draft.body.model = draft.target.model
  for (const plain of plainFields) applyPlain(draft, plain)
  applyInput(draft, names)
  applyTools(draft, names)
  applyTextConfig(draft)
  applyReasoning(draft)
  applyInclude(draft)
  applyLogprobs(draft)
  applyMetadata(draft, reservedMetadata)
  applyStore(draft)
  applyIdentity(draft)
  const stream = applyStream(draft)
  applyUnknown(draft, draft.request, { known: knownMembers, into: draft.body, place: 'request' })
  return { toolNames: toolNameMap(names), stream }
}

/**
 * The gateway keeps responses, so no provider has to, and is told so where it can be. One in the background is fetched
 * later, so it must be kept there until then, whatever the client wants.
 */
function applyStore(draft: Draft): void {
  const { form } = fieldContract(draft, 'store')
  const isBackground = draft.body.background === true
  if (form === 'always_false') draft.body.store = isBackground
  if (draft.request.store !== false || form === 'never_kept') return
  if (form === 'always_false' && !isBackground) return
  lose(draft, 'store', {
    action: 'dropped',
    detail: 'the provider may keep the response',
    reason: 'false is not supported',
  })
}

/** `safety_identifier` and `user` may share one member upstream: the one that has it natively wins. */
function applyIdentity(draft: Draft): void {
  const identities = ['safety_identifier', 'user'] as const
  const isNative = (field: (typeof identities)[number]) => fieldContract(draft, field).support === 'native'
  for (const field of identities.filter(isNative)) applyPlain(draft, { field })
  for (const field of identities.filter((one) => !isNative(one))) {
    const { form } = fieldContract(draft, field)
    const value = draft.request[field]
    if (value === undefined || value === null || (form && draft.body[form] === value)) continue
    if (form && draft.body[form] !== undefined)
      lose(draft, field, {
        action: 'dropped',
        detail: `${form} is set`,
        reason: `shares "${form}", which is set`,
      })
    else applyPlain(draft, { field })
  }
}

function applyStream(draft: Draft): boolean {
  const { stream, stream_options: options } = draft.request
  if (!stream || (draft.body.background === true && draft.contract.backgroundWithoutStream)) return false
  if (admit(draft, 'stream') !== 'send') return false
  draft.body.stream = true
  if (isObject(options)) applyStreamOptions(draft, options)
  return true
}

/** Padding of the deltas: the gateway writes its own stream without any, so doing without is no loss. */
function applyStreamOptions(draft: Draft, options: JsonObject): void {
  const { include_obfuscation: pads, ...others } = options
  const { support } = fieldContract(draft, 'stream_options')
  if (support !== 'native' && pads !== true && Object.keys(others).length === 0) return
  if (admit(draft, 'stream_options') !== 'send') return
  const sent: JsonObject = typeof pads === 'boolean' ? { include_obfuscation: pads } : {}
  applyUnknown(draft, others, { known: new Set(), into: sent, place: 'stream_options' })
  if (Object.keys(sent).length > 0) draft.body.stream_options = sent
}
