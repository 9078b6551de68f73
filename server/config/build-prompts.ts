/** `prompts` of the configuration → templates, checked like the members of a request. */
import { GatewayError } from '../errors.ts'
import { checkTemplate, type PromptTemplate } from '../gateway/prompt-template.ts'
import { type PathSegment, type ProblemList, suggestName } from './problems.ts'
import type { PromptRuntime } from './runtime.ts'
import type { ConfigurationDraft } from './schema.ts'

export function buildPrompts({
  draft,
  problems,
}: {
  draft: ConfigurationDraft
  problems: ProblemList
}): ReadonlyMap<string, PromptRuntime> {
  const prompts = new Map<string, PromptRuntime>()
  for (const [id, prompt] of Object.entries(draft.prompts)) {
    if (prompt?.versions === undefined) continue
    const versions = new Map<string, PromptTemplate>()
    for (const [version, written] of Object.entries(prompt.versions)) {
      const template = readTemplate(written, ['prompts', id, 'versions', version], problems)
      if (template !== null) versions.set(version, template)
    }
    const defaultVersion = findDefault({
      id,
      given: prompt.default,
      known: Object.keys(prompt.versions),
      problems,
    })
    if (defaultVersion !== null) prompts.set(id, { id, defaultVersion, versions })
  }
  return prompts
}

function readTemplate(
  written: unknown,
  segments: readonly PathSegment[],
  problems: ProblemList,
): PromptTemplate | null {
  // Taken out, because it is no object; that has been told.
  if (written === undefined) return null
  try {
    return checkTemplate(written)
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    problems.add(segments, error.message)
    return null
  }
}

function findDefault({
  id,
  given,
  known,
  problems,
}: {
  id: string
  given: string | undefined
  known: readonly string[]
  problems: ProblemList
}): string | null {
  if (given !== undefined && known.includes(given)) return given
  const [only, ...others] = known
  if (given === undefined && others.length === 0) return only ?? null
  const problem =
    given === undefined
      ? 'is missing: name the version that is taken when a request names none'
      : `${JSON.stringify(given.slice(0, 64))} is not one of the versions${suggestName(given, known)}`
  problems.add(['prompts', id, 'default'], problem)
  return null
}
