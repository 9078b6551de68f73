import type { CanonicalRequest } from '../../translators/shared/canonical.ts'
import type { Target, UnsupportedPolicy } from '../../translators/shared/translator.ts'
import type { ProviderRuntime, Runtime } from '../config/runtime.ts'
import { GatewayError } from '../errors.ts'

/** One way to serve a request: a provider that has its secret, and the target there. */
export interface Candidate {
  provider: ProviderRuntime
  target: Target
  /** Tokens of the model's context; null when not known. */
  contextTokens: number | null
}

/** What a model name was resolved to; see server/config/resolve-model.ts. */
export interface ResolvedModel {
  targets: readonly { provider: ProviderRuntime; model: string; contextTokens: number | null }[]
}

export interface CandidateOptions {
  runtime: Runtime
  request: CanonicalRequest
  resolved: ResolvedModel | null
  projectId: string
  /** Of the request or of its key; null leaves it to each provider. */
  unsupported: UnsupportedPolicy | null
  idempotencyKey: string | null
}

/**
 * The targets of the request's model in order, without those whose provider lacks its secret.
 * @throws GatewayError `model_not_found` (404) or `provider_not_configured` (503)
 */
export function selectCandidates(options: CandidateOptions): Candidate[] {
  const { runtime, request, resolved, projectId } = options
  if (resolved === null) {
    throw new GatewayError(
      'model_not_found',
      `The model '${shorten(request.model)}' is not configured here. GET /v1/models lists what is.`,
      { param: 'model' },
    )
  }
  const upstream = runtime.projects.get(projectId)?.upstream
  const candidates: Candidate[] = []
  for (const { provider, model, contextTokens } of resolved.targets) {
    if (provider.missing.length > 0) continue
    candidates.push({
      provider,
      contextTokens,
      target: {
        provider: provider.id,
        model,
        baseUrl: provider.baseUrl,
        projectId: upstream?.get(provider.id)?.projectId ?? provider.projectId,
        credentials: provider.credentials,
        options: provider.options,
        unsupported: options.unsupported ?? provider.unsupported,
        idempotencyKey: callKey(options.idempotencyKey, candidates.length),
      },
    })
  }
  if (candidates.length === 0) throw notConfigured(request.model, resolved)
  return candidates
}

/** A key stands for one body: another target at the same provider is sent another. */
function callKey(key: string | null, position: number): string | undefined {
  return key === null ? undefined : position === 0 ? key : `${key}.${position}`
}

/** The same target for a call that must not be taken for a repetition of the last one; `name` tells it apart. */
export function withNextKey(candidate: Candidate, name: string): Candidate {
  const { target } = candidate
  if (target.idempotencyKey === undefined) return candidate
  return { ...candidate, target: { ...target, idempotencyKey: `${target.idempotencyKey}.${name}` } }
}

function notConfigured(model: string, resolved: ResolvedModel): GatewayError {
  const providers = [...new Set(resolved.targets.map(({ provider }) => `'${provider.id}'`))].join(', ')
  return new GatewayError(
    'provider_not_configured',
    `The model '${shorten(model)}' is known, but its provider ${providers} has no credentials in this gateway. ` +
      'Its operator sets the environment variable that GET /admin/status names and restarts it.',
    { param: 'model' },
  )
}

function shorten(name: string): string {
  return name.length > 80 ? `${name.slice(0, 80)}…` : name
}
