/** What the process is asked to do, and with which configuration: flags before environment before `./config.json` before the sandbox. */
import type { Environment } from './fill-variables.ts'
import type { ConfigOverrides } from './load.ts'
import { ConfigError, type ConfigProblem, suggestName } from './problems.ts'

/** How a command is written; what it does stands in server/commands/. */
export interface CommandSyntax {
  /** One word, or several with a space between: `rollups rebuild`. */
  name: string
  /** One line, for the help. */
  summary: string
  options: readonly CommandOption[]
}

export interface CommandOption {
  /** E.g. `--to`. */
  flag: string
  /** How its value is shown, e.g. `<file>`; null: a word that takes none. */
  value: string | null
  summary: string
  /** Default false. */
  required?: boolean
  /** Whether its value may stand without the flag: `backup file.db` for `backup --to file.db`. Default false. */
  bare?: boolean
}

export type StartPlan =
  | { kind: 'help' }
  | { kind: 'version' }
  | {
      kind: 'run'
      /** Null: the sandbox. */
      configPath: string | null
      overrides: ConfigOverrides
    }
  | {
      kind: 'command'
      name: string
      configPath: string | null
      /** By flag; of one that takes no value it is ''. */
      options: ReadonlyMap<string, string>
    }

export const DEFAULT_CONFIG_PATH = './config.json'

const commonOptions: readonly CommandOption[] = [
  {
    flag: '--config',
    value: '<path>',
    summary:
      'Configuration file. Else DRAGOMAN_CONFIG, else ./config.json,\nelse the sandbox: simulated providers, no keys needed.',
  },
]
const runOptions: readonly CommandOption[] = [
  {
    flag: '--host',
    value: '<host>',
    summary: 'Address to listen on. Else HOST, else listen.host. Default 127.0.0.1.',
  },
  {
    flag: '--port',
    value: '<port>',
    summary: 'Port to listen on, 0 for any. Else PORT, else listen.port. Default 8787.',
  },
]
const wordOptions: readonly CommandOption[] = [
  { flag: '--help', value: null, summary: 'This text.' },
  { flag: '-h', value: null, summary: 'This text.' },
  { flag: '--version', value: null, summary: 'The version.' },
  { flag: '-v', value: null, summary: 'The version.' },
]

/** The text of `--help`. */
export function renderHelp(commands: readonly CommandSyntax[]): string {
  const lines = ({ flag, value, summary }: CommandOption) =>
    `  ${`${flag} ${value ?? ''}`.padEnd(18)}${summary.replaceAll('\n', `\n${' '.repeat(20)}`)}`
  const described = commands.map(({ name, summary, options }) =>
    [`  ${name.padEnd(18)}${summary}`, ...options.map((option) => `  ${lines(option)}`)].join('\n'),
  )
  return `Dragoman: one Responses URL in front of many LLM providers.

Usage: npm start -- [options]
       node server/start.mjs <command> [options]

${[...commonOptions, ...runOptions].map(lines).join('\n')}
  --help, -h        This text.
  --version, -v     The version.

Commands, in place of serving:
${described.join('\n')}

Every option of the configuration file: config.example.json, and /config.schema.json of a running gateway.`
}

/**
 * @param argv without the program's own two words.
 * @param fileExists asked for `./config.json` only: a path that was given and does not exist is the loader's to tell.
 * @param commands what can be done in place of serving. Default: nothing.
 * @throws ConfigError for what it does not know, naming what it does.
 */
export function parseArguments({
  argv,
  env,
  fileExists,
  commands = [],
}: {
  argv: readonly string[]
  env: Environment
  fileExists: (path: string) => boolean
  commands?: readonly CommandSyntax[]
}): StartPlan {
  const problems: ConfigProblem[] = []
  const { command, rest } = takeCommand(argv, commands, problems)
  const options = command === null ? runOptions : command.options
  const flags = readFlags(rest, [...commonOptions, ...options, ...wordOptions], problems)
  if (problems.length === 0 && (flags.has('--help') || flags.has('-h'))) return { kind: 'help' }
  if (problems.length === 0 && (flags.has('--version') || flags.has('-v'))) return { kind: 'version' }

  const config = pick('--config', 'DRAGOMAN_CONFIG')
  const fallback = fileExists(DEFAULT_CONFIG_PATH) ? DEFAULT_CONFIG_PATH : null
  const configPath = config?.value ?? fallback
  if (command === null) {
    const overrides = readOverrides(pick('--host', 'HOST'), pick('--port', 'PORT'), problems)
    if (problems.length > 0) throw new ConfigError('command line', problems)
    return { kind: 'run', configPath, overrides }
  }
  for (const { flag, value, required } of command.options) {
    const isMissing = required === true && !flags.has(flag)
    if (isMissing) problems.push({ path: flag, message: `is needed: ${command.name} ${flag} ${value ?? ''}` })
  }
  if (problems.length > 0) throw new ConfigError('command line', problems)
  flags.delete('--config')
  return { kind: 'command', name: command.name, configPath, options: flags }

  function pick(flag: string, variable: string): { name: string; value: string } | null {
    const given = flags.get(flag)
    if (given !== undefined) return { name: flag, value: given }
    const found = env[variable]
    return found === undefined || found === '' ? null : { name: variable, value: found }
  }
}

function readOverrides(
  host: { value: string } | null,
  port: { name: string; value: string } | null,
  problems: ConfigProblem[],
): ConfigOverrides {
  const overrides: ConfigOverrides = {}
  if (host !== null) overrides.host = host.value
  if (port === null) return overrides
  overrides.port = Number(port.value)
  if (!/^\d{1,5}$/.test(port.value) || overrides.port > 65_535) {
    problems.push({
      path: port.name,
      message: `${JSON.stringify(port.value)} is not a port; give 0 to 65535`,
    })
  }
  return overrides
}

/** The command that the line begins with, and what follows it. */
function takeCommand(
  argv: readonly string[],
  commands: readonly CommandSyntax[],
  problems: ConfigProblem[],
): { command: CommandSyntax | null; rest: readonly string[] } {
  for (const command of commands) {
    const words = command.name.split(' ')
    if (words.every((word, at) => argv[at] === word)) return { command, rest: argv.slice(words.length) }
  }
  const first = argv[0]
  if (commands.length === 0 || first === undefined || first.startsWith('-')) {
    return { command: null, rest: argv }
  }
  const names = commands.map(({ name }) => name)
  problems.push({ path: first, message: `is not a command${suggestName(first, names)}` })
  return { command: null, rest: [] }
}

/** `--flag value` and `--flag=value`; of a flag that stands twice the last one counts. */
function readFlags(
  argv: readonly string[],
  options: readonly CommandOption[],
  problems: ConfigProblem[],
): Map<string, string> {
  const flags = new Map<string, string>()
  const bare = options.filter((option) => option.bare === true)
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!
    const equals = word.startsWith('--') ? word.indexOf('=') : -1
    const name = equals === -1 ? word : word.slice(0, equals)
    const option = options.find(({ flag }) => flag === name)
    if (option === undefined) {
      const place = name.startsWith('-') ? undefined : bare.shift()
      if (place !== undefined) flags.set(place.flag, word)
      else {
        const known = options.map(({ flag }) => flag)
        problems.push({ path: name, message: `is not an option${suggestName(name, known)}` })
      }
    } else if (option.value === null) {
      if (equals !== -1) problems.push({ path: name, message: 'takes no value' })
      flags.set(name, '')
    } else {
      const next = argv[at + 1]
      const isNextValue = equals === -1 && next !== undefined && !next.startsWith('--')
      if (isNextValue) at++
      const value = equals === -1 ? (isNextValue ? next : '') : word.slice(equals + 1)
      if (value === '') problems.push({ path: name, message: `needs a value: ${name} ${option.value}` })
      flags.set(name, value)
    }
  }
  return flags
}
