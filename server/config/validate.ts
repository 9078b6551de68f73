/** The configuration against its schema: every violation in words, and what is left without the wrong values. */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { describeViolation } from './describe-violation.ts'
import type { PathSegment, ProblemList } from './problems.ts'
import { buildConfigSchema, type ConfigurationDraft, type Translators } from './schema.ts'

const compiled = new WeakMap<Translators, ValidateFunction>()

function compileSchema(translators: Translators): ValidateFunction {
  const known = compiled.get(translators)
  if (known !== undefined) return known
  // Not strict: a variant's options may use any keyword. A test compiles all of them strictly.
  const ajv = new Ajv({ allErrors: true, useDefaults: true, verbose: true, strict: false })
  const validator = ajv.compile(buildConfigSchema(translators))
  compiled.set(translators, validator)
  return validator
}

/**
 * Adds every violation to `problems` and changes `value` into the draft: defaults filled in, wrong values taken
 * out, so that what is left can be looked at further and all mistakes are told at once.
 * @param known paths whose value is already known to be wrong (an unset variable) and is not complained of again.
 */
export function validateConfiguration({
  value,
  known,
  translators,
  problems,
}: {
  value: unknown
  known: readonly (readonly PathSegment[])[]
  translators: Translators
  problems: ProblemList
}): ConfigurationDraft | null {
  const validator = compileSchema(translators)
  // A variant's options get their defaults only once `options` itself is there, which the first pass sees to.
  validator(value)
  validator(value)
  const pointers = new Set(known.map(toPointer))
  const wrong: PathSegment[][] = []
  for (const error of validator.errors ?? []) {
    const segments = fromPointer(error.instancePath, value)
    if (isAboutValue(error)) wrong.push(segments)
    if (pointers.has(error.instancePath)) continue
    const violation = describeViolation(error)
    if (violation !== null) problems.add([...segments, ...violation.below], violation.message)
  }
  if (wrong.some((segments) => segments.length === 0)) return null
  for (const segments of [...wrong, ...known]) takeOut(value, segments)
  // Values that were taken out get their defaults; the violations have been told.
  validator(value)
  return value as ConfigurationDraft
}

/** Whether the value at the error's path is itself wrong, rather than incomplete or too much in it. */
function isAboutValue(error: ErrorObject): boolean {
  if (error.propertyName !== undefined) return false
  const aboutMembers = [
    'additionalProperties',
    'required',
    'propertyNames',
    'minProperties',
    'minItems',
    'if',
  ]
  return !aboutMembers.includes(error.keyword)
}

function toPointer(segments: readonly PathSegment[]): string {
  return segments.map((each) => `/${String(each).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

function fromPointer(pointer: string, root: unknown): PathSegment[] {
  let node = root
  return pointer
    .split('/')
    .slice(1)
    .map((escaped) => {
      const name = escaped.replaceAll('~1', '/').replaceAll('~0', '~')
      const segment = Array.isArray(node) ? Number(name) : name
      node = (node as Record<PathSegment, unknown> | null | undefined)?.[segment]
      return segment
    })
}

/** Members go, elements of arrays become undefined: the others keep their index, which stands in messages. */
function takeOut(root: unknown, segments: readonly PathSegment[]): void {
  let owner = root as Record<PathSegment, unknown> | undefined
  for (const segment of segments.slice(0, -1)) owner = owner?.[segment] as typeof owner
  const last = segments.at(-1)
  if (owner === undefined || last === undefined || !Object.hasOwn(owner, last)) return
  if (Array.isArray(owner)) owner[last as number] = undefined
  else delete owner[last]
}
