/** `text`, `reasoning`, `include`: nested members, each with a row of its own. */
import {
  admit,
  applyUnknown,
  type Draft,
  fieldContract,
  fit,
  lose,
  note,
  safeName,
} from '../shared/apply-contract.ts'
import { isObject, type JsonObject, reasoningEfforts } from '../shared/canonical.ts'
import { includeField } from '../shared/contract-fields.ts'

const textMembers: ReadonlySet<string> = new Set(['format', 'verbosity'])
const reasoningMembers: ReadonlySet<string> = new Set(['effort', 'summary', 'generate_summary'])

export function applyTextConfig(draft: Draft): void {
  const { text } = draft.request
  if (!isObject(text)) return
  const sent: JsonObject = {}
  const format = formatFor(draft, text.format)
  if (format) sent.format = format
  const verbosity = verbosityFor(draft, text.verbosity)
  if (verbosity) sent.verbosity = verbosity
  applyUnknown(draft, text, { known: textMembers, into: sent, place: 'text' })
  if (Object.keys(sent).length > 0) draft.body.text = sent
}

/** `{type: "text"}` is the default everywhere and left out. */
function formatFor(draft: Draft, format: unknown): JsonObject | null {
  if (!isObject(format) || format.type === 'text') return null
  if (format.type === 'json_object') return jsonObjectFor(draft)
  if (format.type !== 'json_schema') return unknownFormat(draft, format)
  // Without `strict` the schema is a wish: nobody promised it, so nothing is checked.
  const enforcedHere = fieldContract(draft, 'text.format.json_schema').support === 'emulated'
  if (!enforcedHere || format.strict === true) {
    const outcome = admit(draft, 'text.format.json_schema', 'the gateway checks the output')
    if (outcome === 'leave') return null
    if (outcome === 'emulate') draft.guards.verifySchema = true
  }
  const copy: JsonObject = { ...format }
  if (copy.strict === null) delete copy.strict
  if (copy.description === null) delete copy.description
  return copy
}

/** A format nobody documented is treated like a field nobody documented. */
function unknownFormat(draft: Draft, format: JsonObject): JsonObject | null {
  if (draft.contract.additionalProperties === 'pass') return format
  note(draft, 'text.format', 'dropped', safeName(String(format.type)))
  return null
}

function jsonObjectFor(draft: Draft): JsonObject | null {
  if (admit(draft, 'text.format.json_object') === 'leave') return null
  if (fieldContract(draft, 'text.format.json_object').form !== 'json_schema') return { type: 'json_object' }
  note(draft, 'text.format.json_object', 'mapped', 'json_schema')
  return {
    type: 'json_schema',
    name: 'json_object',
    schema: { type: 'object', additionalProperties: true },
    strict: false,
  }
}

function verbosityFor(draft: Draft, verbosity: unknown): unknown {
  if (verbosity === undefined || verbosity === null) return null
  const { support } = fieldContract(draft, 'text.verbosity')
  if (support !== 'native' && verbosity === 'medium') return null
  return admit(draft, 'text.verbosity') === 'send' ? verbosity : null
}

/** `reasoning_effort` at the top level is one provider's other name for `reasoning.effort`. */
export function applyReasoning(draft: Draft): void {
  const reasoning = isObject(draft.request.reasoning) ? draft.request.reasoning : {}
  const sent: JsonObject = {}
  const effort = effortFor(draft, reasoning.effort ?? draft.request.reasoning_effort)
  if (effort !== null) sent.effort = effort
  applySummary(draft, reasoning.summary ?? reasoning.generate_summary, sent)
  applyUnknown(draft, reasoning, { known: reasoningMembers, into: sent, place: 'reasoning' })
  if (Object.keys(sent).length > 0) draft.body.reasoning = sent
}

function effortFor(draft: Draft, effort: unknown): string | null {
  if (typeof effort !== 'string') return null
  if (admit(draft, 'reasoning.effort') !== 'send') return null
  const { limit } = fieldContract(draft, 'reasoning.effort')
  const nearest = nearestEffort(effort, limit?.values)
  if (nearest !== effort)
    lose(draft, 'reasoning.effort', {
      action: 'mapped',
      detail: nearest,
      reason: `must be one of ${limit?.values?.join(', ')} (was ${safeName(effort)})`,
    })
  return nearest
}

/** The value itself if the provider has it, else the nearest it has; of two as near, the one that thinks more. */
function nearestEffort(effort: string, values: readonly string[] | undefined): string {
  if (!values || values.includes(effort)) return effort
  const scale: readonly string[] = reasoningEfforts
  const at = scale.indexOf(effort)
  if (at < 0) return values.includes('medium') ? 'medium' : (values[0] ?? effort)
  const distance = (value: string) => Math.abs(scale.indexOf(value) - at)
  return values.reduce((best, value) => {
    const closer = distance(value) - distance(best)
    return closer < 0 || (closer === 0 && scale.indexOf(value) > scale.indexOf(best)) ? value : best
  })
}

function applySummary(draft: Draft, summary: unknown, sent: JsonObject): void {
  if (summary === undefined || summary === null) return
  if (admit(draft, 'reasoning.summary') !== 'send') return
  const { form = 'summary' } = fieldContract(draft, 'reasoning.summary')
  sent[form] = summary
  if (form !== 'summary') note(draft, 'reasoning.summary', 'mapped', form)
}

export function applyInclude(draft: Draft): void {
  const { include } = draft.request
  const sent = new Set<string>()
  for (const value of Array.isArray(include) ? include : []) {
    if (typeof value !== 'string') continue
    const field = includeField(value)
    if (admit(draft, field, field === 'include.other' ? safeName(value) : '') !== 'send') continue
    if (value === encryptedContent && isPlainModel(draft)) {
      lose(draft, field, {
        action: 'dropped',
        detail: 'this model has none',
        reason: 'is unknown to this model',
      })
      continue
    }
    const { form, limit } = fieldContract(draft, field)
    if (fit(draft, field, value, limit) === undefined) continue
    if (form === undefined) sent.add(value)
    else {
      note(draft, field, 'mapped', form)
      draft.body[form] = true
    }
  }
  if (needsThoughts(draft)) sent.add(encryptedContent)
  if (sent.size > 0) draft.body.include = [...sent]
}

const encryptedContent = 'reasoning.encrypted_content'

/** A provider that keeps nothing can only go on with its thoughts when it is given them back. */
function needsThoughts(draft: Draft): boolean {
  const { reasoningModels } = draft.contract
  if (reasoningModels === undefined) return false
  if (new RegExp(reasoningModels).test(draft.target.model)) return true
  return draft.body.reasoning !== undefined && !isPlainModel(draft)
}

function isPlainModel({ contract: { plainModels }, target }: Draft): boolean {
  return plainModels !== undefined && new RegExp(plainModels).test(target.model)
}

/** One provider wants `logprobs: true` beside the number, which without it may not be sent, not even as 0. */
export function applyLogprobs(draft: Draft): void {
  const { top_logprobs: count, logprobs } = draft.request
  const hasSwitch = fieldContract(draft, 'logprobs').support === 'native'
  if (count === 0 && hasSwitch && logprobs !== true) delete draft.body.top_logprobs
  if (typeof count === 'number' && count > 0 && draft.body.top_logprobs !== undefined) {
    if (hasSwitch) draft.body.logprobs = true
  } else if (logprobs === true && admit(draft, 'logprobs') === 'send') draft.body.logprobs = true
}
