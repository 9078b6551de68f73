/** Which configuration the process starts with: flags before environment before `./config.json` before the sandbox. */
import type { Environment } from './fill-variables.ts'
import type { ConfigOverrides } from './load.ts'
import { ConfigError, type ConfigProblem, suggestName } from './problems.ts'

export type StartPlan =
  | { kind: 'help' }
  | { kind: 'version' }
  | {
      kind: 'run'
      /** Null: the sandbox. */
      configPath: string | null
      overrides: ConfigOverrides
    }

export const DEFAULT_CONFIG_PATH = './config.json'

export const helpText = `Dragoman: one Responses URL in front of many LLM providers.

Usage: npm start -- [options]

  --config <path>   Configuration file. Else DRAGOMAN_CONFIG, else ./config.json,
                    else the sandbox: simulated providers, no keys needed.
  --host <host>     Address to listen on. Else HOST, else listen.host. Default 127.0.0.1.
  --port <port>     Port to listen on, 0 for any. Else PORT, else listen.port. Default 8787.
  --help, -h        This text.
  --version, -v     The version.

Every option of the configuration file: config.example.json, and /config.schema.json of a running gateway.`

const VALUE_FLAGS = ['--config', '--host', '--port']
const WORD_FLAGS = ['--help', '-h', '--version', '-v']

/**
 * @param argv without the program's own two words.
 * @param fileExists asked for `./config.json` only: a path that was given and does not exist is the loader's to tell.
 * @throws ConfigError for what it does not know, naming what it does.
 */
export function parseArguments({
  argv,
  env,
  fileExists,
}: {
  argv: readonly string[]
  env: Environment
  fileExists: (path: string) => boolean
}): StartPlan {
  const problems: ConfigProblem[] = []
  const flags = readFlags(argv, problems)
  if (problems.length === 0 && (flags.has('--help') || flags.has('-h'))) return { kind: 'help' }
  if (problems.length === 0 && (flags.has('--version') || flags.has('-v'))) return { kind: 'version' }

  const config = pick('--config', 'DRAGOMAN_CONFIG')
  const host = pick('--host', 'HOST')
  const port = pick('--port', 'PORT')
  const overrides: ConfigOverrides = {}
  if (host !== null) overrides.host = host.value
  if (port !== null) {
    overrides.port = Number(port.value)
    if (!/^\d{1,5}$/.test(port.value) || overrides.port > 65_535) {
      problems.push({
        path: port.name,
        message: `${JSON.stringify(port.value)} is not a port; give 0 to 65535`,
      })
    }
  }
  if (problems.length > 0) throw new ConfigError('command line', problems)
  const fallback = fileExists(DEFAULT_CONFIG_PATH) ? DEFAULT_CONFIG_PATH : null
  return { kind: 'run', configPath: config?.value ?? fallback, overrides }

  function pick(flag: string, variable: string): { name: string; value: string } | null {
    const given = flags.get(flag)
    if (given !== undefined) return { name: flag, value: given }
    const found = env[variable]
    return found === undefined || found === '' ? null : { name: variable, value: found }
  }
}

/** `--flag value` and `--flag=value`; of a flag that stands twice the last one counts. */
function readFlags(argv: readonly string[], problems: ConfigProblem[]): Map<string, string> {
  const flags = new Map<string, string>()
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!
    const equals = word.startsWith('--') ? word.indexOf('=') : -1
    const name = equals === -1 ? word : word.slice(0, equals)
    if (WORD_FLAGS.includes(name)) {
      if (equals !== -1) problems.push({ path: name, message: 'takes no value' })
      flags.set(name, '')
    } else if (VALUE_FLAGS.includes(name)) {
      const next = argv[at + 1]
      const isNextValue = equals === -1 && next !== undefined && !next.startsWith('--')
      if (isNextValue) at++
      const value = equals === -1 ? (isNextValue ? next : '') : word.slice(equals + 1)
      if (value === '') problems.push({ path: name, message: `needs a value: ${name} <${name.slice(2)}>` })
      flags.set(name, value)
    } else {
      problems.push({
        path: name,
        message: `is not an option${suggestName(name, [...VALUE_FLAGS, ...WORD_FLAGS])}`,
      })
    }
  }
  return flags
}
