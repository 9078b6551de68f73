/** `models` of the configuration → aliases with their targets. */
import { type PathSegment, type ProblemList, suggestName } from './problems.ts'
import { canServe, canServeSome } from './resolve-model.ts'
import type { ModelRuntime, ProviderRuntime, TargetRuntime } from './runtime.ts'
import type { ConfigurationDraft, ModelDraft } from './schema.ts'

interface BuildInput {
  draft: ConfigurationDraft
  providers: ReadonlyMap<string, ProviderRuntime>
  problems: ProblemList
  warnings: string[]
}

/** In the configuration's order. */
export function buildModels({ draft, providers, problems, warnings }: BuildInput): ModelRuntime[] {
  return Object.entries(draft.models).flatMap(([pattern, model]) => {
    if (model === undefined) return []
    if (countStars(pattern) > 1) problems.add(['models', pattern], 'may hold one "*" at most')
    const targets = buildTargets({ pattern, model, draft, providers, problems })
    const missing = targets.flatMap((target) => providers.get(target.provider)?.missing ?? [])
    const isServed = targets.some((target) => providers.get(target.provider)?.missing.length === 0)
    if (!isServed && missing.length > 0) {
      warnings.push(`model ${pattern} cannot be served until ${[...new Set(missing)].join(' or ')} is set`)
    }
    return [{ pattern, targets }]
  })
}

function buildTargets({
  pattern,
  model,
  draft,
  providers,
  problems,
}: Omit<BuildInput, 'warnings'> & { pattern: string; model: ModelDraft }): TargetRuntime[] {
  return (model.targets ?? []).flatMap((target, index) => {
    if (target === undefined) return []
    const segments: PathSegment[] = ['models', pattern, 'targets', index]
    const known = Object.keys(draft.providers ?? {})
    if (target.provider !== undefined && !known.includes(target.provider)) {
      const suggestion = suggestName(target.provider, known)
      const name = JSON.stringify(target.provider.slice(0, 64))
      problems.add([...segments, 'provider'], `${name} is not one of the providers${suggestion}`)
    }
    if (target.provider === undefined || target.model === undefined) return []
    const wrong = describeWrongModel({
      pattern,
      model: target.model,
      provider: providers.get(target.provider),
    })
    if (wrong !== null) problems.add([...segments, 'model'], wrong)
    const { provider, model: name, contextTokens = null } = target
    return [{ provider, model: name, contextTokens }]
  })
}

function describeWrongModel({
  pattern,
  model,
  provider,
}: {
  pattern: string
  model: string
  provider: ProviderRuntime | undefined
}): string | null {
  const stars = countStars(model)
  if (stars > 1) return 'may hold one "*" at most'
  if (stars === 1 && countStars(pattern) === 0) {
    return `holds "*", but the name ${JSON.stringify(pattern)} does not; write the provider's name of the model`
  }
  if (provider === undefined) return null
  if (stars === 0 ? canServe(provider, model) : canServeSome(provider, model)) return null
  const { contract, title } = provider.translator
  const only = (contract.models?.only ?? []).map((name) => JSON.stringify(name)).join(', ')
  return (
    `${JSON.stringify(model)} is not served by ${title}: its document (${contract.document}) lists only ${only}; ` +
    `use one of these, or add the name to providers.${provider.id}.models if the provider has it by now`
  )
}

function countStars(text: string): number {
  return text.split('*').length - 1
}
