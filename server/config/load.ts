/** From a configuration as written to the immutable Runtime, or every mistake in it at once. */
import { readFileSync } from 'node:fs'
import { translators as registry } from '../../translators/index.ts'
import { buildModels } from './build-models.ts'
import { buildPrices } from './build-prices.ts'
import { buildCallers, type Callers } from './build-projects.ts'
import { buildPrompts } from './build-prompts.ts'
import { buildProviders, type MissingSecrets, type SecretName } from './build-providers.ts'
import { buildRetention } from './build-retention.ts'
import { type Environment, fillVariables, type UnsetVariables } from './fill-variables.ts'
import { isLoopback } from './loopback.ts'
import { parseJsonText } from './parse-json.ts'
import { ConfigError, ProblemList } from './problems.ts'
import type { Runtime } from './runtime.ts'
import type { Configuration, ConfigurationDraft, Translators } from './schema.ts'
import { validateConfiguration } from './validate.ts'

/** What flags and environment set over the file. */
export interface ConfigOverrides {
  host?: string
  port?: number
}

export interface LoadOptions {
  /** JSON text, or the parsed value; the latter is not changed. */
  config: string | Configuration | Readonly<Record<string, unknown>>
  /** Where it came from, for messages and the start banner: a path, or `sandbox`. */
  source: string
  /** For `${NAME}`. Default `{}`: nothing is read from the process's environment unless it is given. */
  env?: Environment
  overrides?: ConfigOverrides
  /** The variants there are. Default: the registry. */
  translators?: Translators
}

/** @throws ConfigError with every problem of the configuration. */
export function loadConfig({
  config,
  source,
  env = {},
  overrides = {},
  translators = registry,
}: LoadOptions): Runtime {
  const problems = new ProblemList()
  const written = typeof config === 'string' ? parseConfigText(config, source) : config
  const { value, unset } = fillVariables({ value: written, env, problems })
  const { missing, others } = separateSecrets(value, unset)
  for (const { segments, names } of others) {
    const fix = names.length === 1 ? 'set it, or write the value here' : 'set them, or write the value here'
    const are = names.length === 1 ? 'is' : 'are'
    problems.add(segments, `the environment variable ${names.join(', ')} ${are} not set; ${fix}`)
  }
  const known = others.map(({ segments }) => segments)
  const draft = validateConfiguration({ value, known, translators, problems })
  if (draft === null) throw new ConfigError(source, problems.items)
  const runtime = buildRuntime({ draft, source, overrides, missing, translators, problems })
  if (problems.items.length > 0) throw new ConfigError(source, problems.items)
  return runtime
}

/** Reads and loads a file. @throws ConfigError, also when the file cannot be read. */
export function loadConfigFile({
  path,
  ...options
}: Omit<LoadOptions, 'config' | 'source'> & { path: string }): Runtime {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reasons: Record<string, string> = {
      ENOENT: 'there is no such file; give another path with --config or DRAGOMAN_CONFIG',
      EACCES: 'this user may not read the file',
      EISDIR: 'is a folder; name the file in it',
    }
    throw new ConfigError(path, [{ path: '', message: reasons[code ?? ''] ?? message }])
  }
  return loadConfig({ ...options, config: text, source: path })
}

function parseConfigText(text: string, source: string): unknown {
  const parsed = parseJsonText(text)
  if (parsed.ok) return parsed.value
  const problems = parsed.mistakes.map(({ line, column, message }) => ({
    path: `line ${line}, column ${column}`,
    message,
  }))
  throw new ConfigError(source, problems)
}

/** Takes the secrets of providers that are not set out of the configuration: these do not stop the start. */
function separateSecrets(
  value: unknown,
  unset: readonly UnsetVariables[],
): { missing: MissingSecrets; others: UnsetVariables[] } {
  const missing = new Map<string, Partial<Record<SecretName, readonly string[]>>>()
  const others = unset.filter(({ segments, names }) => {
    const [section, id, name, ...below] = segments
    if (section !== 'providers' || below.length > 0 || (name !== 'apiKey' && name !== 'adminKey')) return true
    const { providers } = value as { providers: Record<string, Record<string, unknown>> }
    delete providers[String(id)]?.[name]
    missing.set(String(id), { ...missing.get(String(id)), [name]: names })
    return false
  })
  return { missing, others }
}

function buildRuntime({
  draft,
  source,
  overrides,
  missing,
  translators,
  problems,
}: {
  draft: ConfigurationDraft
  source: string
  overrides: ConfigOverrides
  missing: MissingSecrets
  translators: Translators
  problems: ProblemList
}): Runtime {
  const warnings: string[] = []
  const providers = buildProviders({ draft, missing, translators, problems, warnings })
  const models = buildModels({ draft, providers, problems, warnings })
  const callers = buildCallers({ draft, problems })
  const prompts = buildPrompts({ draft, problems })
  const prices = buildPrices({ draft, translators, problems })
  const listen = { host: overrides.host ?? draft.listen.host, port: overrides.port ?? draft.listen.port }
  checkExposure({ host: listen.host, callers, problems })
  return {
    source,
    listen,
    store: draft.store,
    ...callers,
    providers,
    models,
    directRouting: draft.directRouting,
    limits: draft.limits,
    state: draft.state,
    webSocket: draft.webSocket,
    prompts,
    prices,
    log: { ...draft.log, retention: buildRetention({ draft, problems, warnings }) },
    pingSeconds: draft.stream.pingSeconds,
    structuredOutput: draft.structuredOutput,
    warnings,
  }
}

/** A gateway without keys would let anyone on the network spend the providers' money. */
function checkExposure({
  host,
  callers,
  problems,
}: {
  host: string
  callers: Callers
  problems: ProblemList
}): void {
  // A key that is there but wrong has been told already.
  if (isLoopback(host) || problems.has(['projects']) || problems.has(['admin'])) return
  const lacking: string[] = []
  if (callers.keys.size === 0) lacking.push('a project key (projects.<id>.keys)')
  if (callers.admin.keyHash === null) lacking.push('an admin key (admin.key)')
  if (lacking.length === 0) return
  problems.add(
    ['listen', 'host'],
    `${host} can be reached from other machines, which needs ${lacking.join(' and ')}; add it, or listen on 127.0.0.1`,
  )
}
