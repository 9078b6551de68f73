/** `providers` of the configuration → what the gateway calls. */
import type { Translator } from '../../translators/shared/translator.ts'
import { type ProblemList, suggestName } from './problems.ts'
import type { ProviderRuntime } from './runtime.ts'
import type { ConfigurationDraft, ProviderDraft, Translators } from './schema.ts'

const SECRETS = ['apiKey', 'adminKey'] as const
export type SecretName = (typeof SECRETS)[number]

/** Provider id → its secrets whose variables are not set, with those variables. */
export type MissingSecrets = ReadonlyMap<string, Partial<Record<SecretName, readonly string[]>>>

interface BuildInput {
  draft: ConfigurationDraft
  missing: MissingSecrets
  translators: Translators
  problems: ProblemList
  warnings: string[]
}

/** Every provider that is complete enough to be one; a provider without its secret is among them, marked. */
export function buildProviders(input: BuildInput): Map<string, ProviderRuntime> {
  const providers = new Map<string, ProviderRuntime>()
  for (const [id, provider] of Object.entries(input.draft.providers ?? {})) {
    if (provider === undefined) continue
    const built = buildProvider({ id, provider, ...input })
    if (built !== null) providers.set(id, built)
  }
  return providers
}

function buildProvider({
  id,
  provider,
  draft,
  missing,
  translators,
  problems,
  warnings,
}: BuildInput & { id: string; provider: ProviderDraft }): ProviderRuntime | null {
  const baseUrl =
    provider.baseUrl && checkBaseUrl({ id, baseUrl: provider.baseUrl, provider, draft, problems })
  const { variant } = provider
  if (variant === undefined) return null
  if (!Object.hasOwn(translators, variant)) {
    const suggestion = suggestName(variant, Object.keys(translators))
    problems.add(['providers', id, 'variant'], `${JSON.stringify(variant)} is not a variant${suggestion}`)
    return null
  }
  const translator = translators[variant]!
  const absent = checkCredentials({ id, provider, translator, unset: missing.get(id) ?? {}, problems })
  if (absent.length > 0) {
    const are = absent.length === 1 ? 'is' : 'are'
    warnings.push(`provider ${id} is unavailable: ${absent.join(', ')} ${are} not set`)
  }
  if (provider.models.length > 0 && translator.contract.models === undefined) {
    warnings.push(`providers.${id}.models has no effect: ${translator.title} does not limit its models`)
  }
  if (!baseUrl) return null
  return {
    id,
    translator,
    baseUrl,
    projectId: provider.projectId,
    credentials: { apiKey: provider.apiKey, adminKey: provider.adminKey },
    options: provider.options,
    unsupported: provider.unsupported,
    missing: absent,
    timeouts: provider.timeouts,
    maxConnections: provider.maxConnections,
    attempts: provider.attempts,
    models: listAddedModels(provider),
  }
}

/** From the provider's own member, and from the option of this name that variants with a limited document have. */
function listAddedModels({ models, options }: ProviderDraft): string[] {
  const inOptions: unknown[] = Array.isArray(options.models) ? options.models : []
  return [...models, ...inOptions].filter((name) => typeof name === 'string')
}

/** @returns the variables without which the provider cannot be called; empty when it can. */
function checkCredentials({
  id,
  provider,
  translator,
  unset,
  problems,
}: {
  id: string
  provider: ProviderDraft
  translator: Translator
  unset: Partial<Record<SecretName, readonly string[]>>
  problems: ProblemList
}): readonly string[] {
  const sets = translator.credentials
  const taken = new Set(sets.flat())
  for (const name of SECRETS) {
    const given = provider[name] !== undefined || unset[name] !== undefined
    if (!given || taken.has(name)) continue
    const fix = taken.size === 0 ? 'remove it' : `use ${[...taken].join(' or ')}`
    problems.add(['providers', id, name], `is not a credential of the variant ${translator.id}; ${fix}`)
  }
  const isComplete = (set: readonly SecretName[]) => set.every((name) => provider[name] !== undefined)
  const names = SECRETS.flatMap((name) => unset[name] ?? [])
  // A secret that is named but not set was meant to be sent: only another complete set makes up for it.
  if (names.length > 0)
    return sets.some((set) => set.length > 0 && isComplete(set)) ? [] : [...new Set(names)]
  // A secret that is there but malformed has been told.
  const isTold = SECRETS.some((name) => problems.has(['providers', id, name]))
  if (sets.length > 0 && !sets.some(isComplete) && !isTold) {
    const ways = sets.map((set) => set.join(' and ')).join(', or ')
    problems.add(['providers', id], `the variant ${translator.id} needs ${ways}`)
  }
  return []
}

const PLACEHOLDER = '{project_id}'

/** @returns the URL without a slash at its end, or null when it is none. */
function checkBaseUrl({
  id,
  baseUrl,
  provider,
  draft,
  problems,
}: {
  id: string
  baseUrl: string
  provider: ProviderDraft
  draft: ConfigurationDraft
  problems: ProblemList
}): string | null {
  const complain = (message: string): null => {
    problems.add(['providers', id, 'baseUrl'], message)
    return null
  }
  const example = 'write it like https://api.example.com/v1'
  const plain = baseUrl.replaceAll(PLACEHOLDER, 'project')
  const url = URL.parse(plain)
  if (url === null || /\s/.test(baseUrl)) return complain(`is not a URL; ${example}`)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return complain(`must begin with https:// or http://; ${example}`)
  }
  if (url.username !== '' || url.password !== '') {
    return complain(`must not hold credentials; put them into apiKey, as "\${NAME}"`)
  }
  if (/[?#]/.test(plain)) return complain(`must have no query and no fragment; ${example}`)
  if (/[{}\\]|\/\.{1,2}(?:\/|$)/.test(plain)) {
    return complain(`may hold ${PLACEHOLDER}, but no other braces, backslashes or dot segments`)
  }
  if (/\/responses\/*$/.test(plain)) return complain(`must end before /responses; ${example}`)
  if (baseUrl.includes(PLACEHOLDER)) {
    if (!url.pathname.includes('project') || url.host.includes('project')) {
      return complain(`may hold ${PLACEHOLDER} in its path only`)
    }
    const unmapped = findUnmappedProjects({ id, provider, draft })
    if (unmapped !== null) return complain(`holds ${PLACEHOLDER}, but ${unmapped}`)
  }
  return baseUrl.replace(/\/+$/, '')
}

/** Why a placeholder could stay unfilled, or null. */
function findUnmappedProjects({
  id,
  provider,
  draft,
}: {
  id: string
  provider: ProviderDraft
  draft: ConfigurationDraft
}): string | null {
  if (provider.projectId !== undefined) return null
  const projects = Object.entries(draft.projects)
  if (projects.length === 0) return `providers.${id}.projectId is missing; add it`
  const unmapped = projects.filter(([, project]) => project?.upstream[id]?.projectId === undefined)
  if (unmapped.length === 0) return null
  const names = unmapped.map(([name]) => name).join(', ')
  return `neither the provider nor these projects have a projectId for it: ${names}; add providers.${id}.projectId`
}
