/** From the name that a client asks for to the targets that can serve it. */
import type { ModelRuntime, ProviderRuntime, Runtime } from './runtime.ts'
import { MODEL_PATTERN } from './schema-names.ts'

export interface ResolvedTarget {
  provider: ProviderRuntime
  /** The provider's own name of the model. */
  model: string
  /** Tokens of input and output together; null: not known. */
  contextTokens: number | null
}

export interface ResolvedModel {
  /** In the order of preference. Unavailable providers are among them: whoever calls passes them over. Never empty. */
  targets: readonly ResolvedTarget[]
  /** `exact`: an entry of `models` with this name. `wildcard`: one with a `*`. `direct`: `<provider>/<model>`. */
  how: 'exact' | 'wildcard' | 'direct'
}

/** A name for `GET /v1/models`. */
export interface ListedModel {
  id: string
  targets: { provider: string; model: string; available: boolean }[]
  /** Whether at least one target can be called. */
  available: boolean
}

interface Wildcard {
  prefix: string
  suffix: string
  model: ModelRuntime
}

interface ModelIndex {
  /** In the configuration's order. */
  exact: ReadonlyMap<string, readonly ResolvedTarget[]>
  /** Most literal characters first; of equals the one that stands first in the configuration. */
  wildcards: readonly Wildcard[]
}

const indexes = new WeakMap<Runtime, ModelIndex>()
const modelName = new RegExp(MODEL_PATTERN)

/** Exact, then the most specific wildcard that has a target for the name, then `<provider>/<model>`; null when nothing matches. */
export function resolveModel(runtime: Runtime, name: string): ResolvedModel | null {
  const index = getIndex(runtime)
  const exact = index.exact.get(name)
  if (exact !== undefined) return toResult('exact', exact)
  // From here on the client's own words go upstream and into headers.
  if (!modelName.test(name)) return null
  for (const { prefix, suffix, model } of index.wildcards) {
    const matched = matchPattern(name, prefix, suffix)
    const found = matched === null ? null : toResult('wildcard', collectTargets(runtime, model, matched))
    if (found !== null) return found
  }
  return runtime.directRouting ? resolveDirectly(runtime, name) : null
}

/** The exact names, in the configuration's order. */
export function listModels(runtime: Runtime): ListedModel[] {
  return [...getIndex(runtime).exact].map(([id, resolved]) => {
    const targets = resolved.map(({ provider, model }) => ({
      provider: provider.id,
      model,
      available: provider.missing.length === 0,
    }))
    return { id, targets, available: targets.some((target) => target.available) }
  })
}

/** Whether the provider's document, or `models` of its configuration, has the model of this name. */
export function canServe(provider: ProviderRuntime, model: string): boolean {
  const served = listServable(provider)
  return served === null || served.includes(model)
}

/** Whether the provider has any model that fits a name with one `*`. */
export function canServeSome(provider: ProviderRuntime, pattern: string): boolean {
  const served = listServable(provider)
  if (served === null) return true
  const { prefix, suffix } = splitPattern(pattern)
  return served.some((name) => matchPattern(name, prefix, suffix) !== null)
}

/** Null when any name may be asked for. */
function listServable({ translator, models = [] }: ProviderRuntime): readonly string[] | null {
  const limited = translator.contract.models
  if (limited === undefined || models.includes('*')) return null
  return [...limited.only, ...models]
}

function splitPattern(pattern: string): { prefix: string; suffix: string } {
  const star = pattern.indexOf('*')
  return { prefix: pattern.slice(0, star), suffix: pattern.slice(star + 1) }
}

/** What the `*` stands for, at least one character; null when the name does not fit. */
function matchPattern(name: string, prefix: string, suffix: string): string | null {
  if (name.length <= prefix.length + suffix.length) return null
  if (!name.startsWith(prefix) || !name.endsWith(suffix)) return null
  return name.slice(prefix.length, name.length - suffix.length)
}

function resolveDirectly(runtime: Runtime, name: string): ResolvedModel | null {
  const slash = name.indexOf('/')
  const provider = runtime.providers.get(name.slice(0, Math.max(0, slash)))
  const model = name.slice(slash + 1)
  if (provider === undefined || model === '' || !canServe(provider, model)) return null
  const contextTokens = findContextTokens(runtime, provider.id, model)
  return { targets: [{ provider, model, contextTokens }], how: 'direct' }
}

/** What an entry of `models` says of the same model of the same provider. */
function findContextTokens(runtime: Runtime, provider: string, model: string): number | null {
  const same = runtime.models
    .flatMap(({ targets }) => targets)
    .find((target) => target.provider === provider && target.model === model && target.contextTokens !== null)
  return same?.contextTokens ?? null
}

function collectTargets(runtime: Runtime, { targets }: ModelRuntime, matched: string): ResolvedTarget[] {
  return targets.flatMap((target) => {
    const provider = runtime.providers.get(target.provider)
    // A function, for the client's name may hold `$&`, which a replacement string would expand.
    const model = target.model.replace('*', () => matched)
    if (provider === undefined || !canServe(provider, model)) return []
    return [{ provider, model, contextTokens: target.contextTokens }]
  })
}

function toResult(how: ResolvedModel['how'], targets: readonly ResolvedTarget[]): ResolvedModel | null {
  return targets.length === 0 ? null : { targets, how }
}

function getIndex(runtime: Runtime): ModelIndex {
  const known = indexes.get(runtime)
  if (known !== undefined) return known
  const exact = new Map<string, readonly ResolvedTarget[]>()
  const wildcards: Wildcard[] = []
  for (const model of runtime.models) {
    if (model.pattern.includes('*')) wildcards.push({ ...splitPattern(model.pattern), model })
    else exact.set(model.pattern, collectTargets(runtime, model, ''))
  }
  wildcards.sort((a, b) => b.prefix.length + b.suffix.length - a.prefix.length - a.suffix.length)
  const index = { exact, wildcards }
  indexes.set(runtime, index)
  return index
}
