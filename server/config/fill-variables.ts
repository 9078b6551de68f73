/** `${NAME}` in any string of the configuration, filled from the environment. */
import type { PathSegment, ProblemList } from './problems.ts'

/** A string that could not be filled, because variables are not set. An empty variable counts as not set. */
export interface UnsetVariables {
  segments: readonly PathSegment[]
  names: readonly string[]
}

export type Environment = Readonly<Record<string, string | undefined>>

export interface FilledConfiguration {
  /** A deep copy; strings with unset variables are left as they were. */
  value: unknown
  unset: UnsetVariables[]
}

const REFERENCE = /\$\{([^}]*)\}/g
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/** Templates hold code and placeholders of their own, and no secret should end up in one. */
function isTemplate([section, , versions, version]: readonly PathSegment[]): boolean {
  return section === 'prompts' && versions === 'versions' && version !== undefined
}

/**
 * Fills every string but those of prompt templates; what a variable holds is never looked at again. Names of members
 * are not filled.
 */
export function fillVariables({
  value,
  env,
  problems,
}: {
  value: unknown
  env: Environment
  problems: ProblemList
}): FilledConfiguration {
  const unset: UnsetVariables[] = []

  function fill(node: unknown, segments: readonly PathSegment[]): unknown {
    if (isTemplate(segments)) return structuredClone(node)
    if (typeof node === 'string') return fillString(node, segments)
    if (Array.isArray(node)) return node.map((item, index) => fill(item, [...segments, index]))
    if (typeof node !== 'object' || node === null) return node
    // fromEntries defines members, so one named `__proto__` stays an ordinary one.
    return Object.fromEntries(
      Object.entries(node).map(([name, item]) => [name, fill(item, [...segments, name])]),
    )
  }

  function fillString(text: string, segments: readonly PathSegment[]): string {
    const names: string[] = []
    const filled = text.replaceAll(REFERENCE, (reference: string, name: string) => {
      if (!VARIABLE_NAME.test(name)) {
        problems.add(
          segments,
          `${reference} does not name a variable; write \${NAME} with letters, digits and "_"`,
        )
        return reference
      }
      const found = env[name]
      if (found === undefined || found === '') names.push(name)
      return found ?? ''
    })
    if (names.length === 0) return filled
    unset.push({ segments, names: [...new Set(names)] })
    return text
  }

  return { value: fill(value, []), unset }
}
