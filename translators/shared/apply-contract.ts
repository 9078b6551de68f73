/**
 * The generic application of a contract table to one request: what is sent, what is changed and named, what is
 * refused. Knows no provider and no wire beyond single values; a dialect builds its body with these.
 */
import type { CanonicalRequest, JsonObject } from './canonical.ts'
import { countCharacters, isLongerThan } from './characters.ts'
import type { FieldOverrides } from './contract.ts'
import { type CanonicalField, stateFields } from './contract-fields.ts'
import type {
  Adaptation,
  Contract,
  FieldContract,
  Guards,
  Limit,
  MemberPlace,
  Refusal,
  Target,
} from './translator.ts'

/** One request being translated for one target. The request itself is only read. */
export interface Draft {
  readonly request: CanonicalRequest
  readonly target: Target
  readonly contract: Contract
  readonly overrides: FieldOverrides
  /** The upstream body as far as it is built. */
  readonly body: JsonObject
  readonly adaptations: Adaptation[]
  readonly guards: Guards
  /** The first refusal; whatever is done after it is thrown away. */
  refusal: Refusal | null
}

export interface DraftOptions {
  request: CanonicalRequest
  target: Target
  contract: Contract
  overrides?: FieldOverrides
}

export function startDraft({ request, target, contract, overrides = {} }: DraftOptions): Draft {
  return { request, target, contract, overrides, body: {}, adaptations: [], guards: {}, refusal: null }
}

/** The row that counts: an option's, else the table's. */
export function fieldContract(draft: Draft, field: CanonicalField): FieldContract {
  const found = draft.overrides[field] ?? draft.contract.fields[field]
  if (!found) throw new Error(`Contract "${draft.contract.document}" has no row for "${field}".`)
  return found
}

/** Names a change once, however many places of the request it touched. */
export function note(draft: Draft, field: string, action: Adaptation['action'], detail = ''): void {
  const known = draft.adaptations.some(
    (one) => one.field === field && one.action === action && one.detail === detail,
  )
  if (!known) draft.adaptations.push({ field, action, detail })
}

export function refuse(draft: Draft, field: string, message: string): void {
  draft.refusal ??= { ok: false, field, message }
}

interface Loss {
  action: Adaptation['action']
  detail?: string
  /** Completes `"<field>" …`, e.g. `must be at most 8000 (was 9000)`. */
  reason: string
}

/** A change that alters what the client asked for: made and named, or refused when the policy says so. */
export function lose(draft: Draft, field: string, { action, detail = '', reason }: Loss): void {
  if (draft.target.unsupported === 'adapt') {
    note(draft, field, action, detail)
    return
  }
  refuse(
    draft,
    field,
    `"${field}" ${reason} at provider "${draft.target.provider}". Change it, or allow the gateway to adapt the request with the header "x-dragoman-unsupported: adapt".`,
  )
}

function refusedReason({ note: remark }: FieldContract): string {
  return remark ? `cannot be served (${remark})` : 'cannot be served'
}

/** What becomes of a field that the client uses: `send` it, `emulate` it, or `leave` it out (named or refused already). */
export function admit(draft: Draft, field: CanonicalField, detail = ''): 'send' | 'emulate' | 'leave' {
  const row = fieldContract(draft, field)
  switch (row.support) {
    case 'native':
    case 'mapped':
      return 'send'
    case 'emulated':
      if (!stateFields.has(field)) note(draft, field, 'emulated', detail)
      return 'emulate'
    case 'dropped':
      lose(draft, field, { action: 'dropped', detail, reason: 'is not supported' })
      return 'leave'
    case 'refused':
      refuse(
        draft,
        field,
        `"${field}" ${refusedReason(row)} at provider "${draft.target.provider}". Leave it out, or route the model to a provider that has it.`,
      )
      return 'leave'
    default:
      return row.support satisfies never
  }
}

/** As `admit`, for a field whose row may limit the kinds (of tools, of items) that are served. */
export function admitKind(draft: Draft, field: CanonicalField, kind: string): 'send' | 'emulate' | 'leave' {
  const { support, limit } = fieldContract(draft, field)
  const words = support === 'native' ? limit?.values : undefined
  if (!words || words.some((word) => kind === word || kind.startsWith(`${word}_`)))
    return admit(draft, field, safeName(kind))
  lose(draft, field, {
    action: 'dropped',
    detail: safeName(kind),
    reason: `may be only ${words.join(', ')} (has ${safeName(kind)})`,
  })
  return 'leave'
}

/** Above an exclusive minimum by this much: small enough to mean the same, large enough for any server. */
const exclusiveStep = 0.001

/** The value within the limit, the change named; undefined when it cannot be made to fit and is left out. */
export function fit(draft: Draft, field: string, value: unknown, limit: Limit | undefined): unknown {
  if (!limit) return value
  if (typeof value === 'number') return fitNumber(draft, field, value, limit)
  if (typeof value === 'string') return fitString(draft, field, value, limit)
  return value
}

function fitNumber(draft: Draft, field: string, value: number, limit: Limit): number {
  const { min, max, exclusiveMin = false } = limit
  let fitted = value
  let bound = ''
  if (min !== undefined && (exclusiveMin ? value <= min : value < min)) {
    fitted = exclusiveMin ? min + exclusiveStep : min
    bound = exclusiveMin ? `greater than ${min}` : `at least ${min}`
  } else if (max !== undefined && value > max) {
    fitted = max
    bound = `at most ${max}`
  }
  if (fitted !== value)
    lose(draft, field, {
      action: 'clamped',
      detail: String(fitted),
      reason: `must be ${bound} (was ${value})`,
    })
  return fitted
}

/** A string is never cut: half an identifier is another one. */
function fitString(draft: Draft, field: string, value: string, limit: Limit): string | undefined {
  const problem = stringProblem(value, limit)
  if (!problem) return value
  lose(draft, field, { action: 'dropped', detail: problem.detail, reason: problem.reason })
  return undefined
}

function stringProblem(
  value: string,
  { minLength = 0, maxLength = Number.POSITIVE_INFINITY, values }: Limit,
): { detail: string; reason: string } | null {
  if (values && !values.includes(value))
    return { detail: `only ${values.join(' or ')}`, reason: `must be one of ${values.join(', ')}` }
  if (isLongerThan(value, maxLength))
    return {
      detail: `longer than ${maxLength} characters`,
      reason: `must have at most ${maxLength} characters (has ${countCharacters(value)})`,
    }
  if (value.length < minLength)
    return {
      detail: `shorter than ${minLength} characters`,
      reason: `must have at least ${minLength} characters (has ${value.length})`,
    }
  return null
}

export interface PlainField {
  field: CanonicalField
  /** Whether leaving this value out means the same as sending it. */
  isDefault?(value: unknown): boolean
}

/** A field whose value goes as it is, into the member of its own name or the one that its row's `form` names. */
export function applyPlain(draft: Draft, { field, isDefault = () => false }: PlainField): void {
  const value = draft.request[field]
  if (value === undefined || value === null) return
  const row = fieldContract(draft, field)
  const sent = row.support === 'native' || row.support === 'mapped'
  if (!sent && isDefault(value)) return
  if (admit(draft, field) !== 'send') return
  const fitted = fit(draft, field, value, row.limit)
  if (fitted === undefined) return
  const member = row.support === 'mapped' && row.form ? row.form : field
  if (member !== field) note(draft, field, 'mapped', member)
  draft.body[member] = fitted
}

/** How many unknown members are named one by one. */
const namedUnknownMembers = 10

/** A member name of the client as it may stand in a header: short, one line, plain characters. */
export function safeName(name: string): string {
  return name.replace(/[^\w.-]/g, '_').slice(0, 40) || '_'
}

/** Whether a member that the canonical contract does not know is passed on. */
export function takesMember({ contract }: Draft, place: MemberPlace, name: string): boolean {
  return contract.additionalProperties === 'pass' || contract.extraMembers?.[place]?.includes(name) === true
}

/**
 * Members of `source` that the contract does not know: passed where the provider is known to take them, or takes
 * additional properties, else left out and named. Never refused: clients send what nobody documented.
 */
export function applyUnknown(
  draft: Draft,
  source: JsonObject,
  { known, into, place }: { known: ReadonlySet<string>; into: JsonObject; place: MemberPlace },
): void {
  const prefix = place === 'request' ? '' : `${place}.`
  let left = 0
  for (const [name, value] of Object.entries(source)) {
    if (known.has(name) || value === null || value === undefined || name === '__proto__') continue
    if (takesMember(draft, place, name)) into[name] = value
    else if (left++ < namedUnknownMembers) note(draft, prefix + safeName(name), 'dropped')
  }
  if (left > namedUnknownMembers)
    note(draft, `${prefix}unknown_fields`, 'dropped', `${left - namedUnknownMembers} more`)
}
