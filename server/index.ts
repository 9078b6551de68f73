/** The process: what it is asked to do, which configuration, start, signals, drain. */
import { existsSync } from 'node:fs'
import { type App, createApp } from './app.ts'
import { renderBanner } from './banner.ts'
import { commands } from './commands/index.ts'
import { loadConfig, loadConfigFile } from './config/load.ts'
import { parseArguments, renderHelp, type StartPlan } from './config/locate.ts'
import { ConfigError } from './config/problems.ts'
import type { Runtime } from './config/runtime.ts'
import type { Sandbox } from './sandbox/index.ts'
import { createLogger } from './telemetry/logger.ts'
import { version } from './version.ts'

const { env } = process

// Whoever reads the output may be gone before the process is: what it says last is lost then, and nothing else.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

try {
  const plan = parseArguments({ argv: process.argv.slice(2), env, fileExists: existsSync, commands })
  if (plan.kind === 'help') console.log(renderHelp(commands))
  else if (plan.kind === 'version') console.log(version)
  else if (plan.kind === 'command') process.exitCode = await runCommand(plan)
  else await run(plan)
} catch (error) {
  // These say what is wrong and how to mend it; a stack trace would only hide that.
  const expected = error instanceof ConfigError || isListenError(error) || isStoreError(error)
  console.error(expected ? (error as Error).message : error)
  process.exit(1)
}

async function run({ configPath, overrides }: Extract<StartPlan, { kind: 'run' }>): Promise<void> {
  const logger = createLogger({ env })
  const { runtime, sandbox } =
    configPath === null
      ? await startOnSandbox(overrides)
      : { runtime: loadConfigFile({ path: configPath, env, overrides }), sandbox: null }
  const app = await createApp({ runtime, env, logger })
  const origin = await app.listen()
  // Whoever waits for the banner may ask for the end as soon as it is there.
  stopOnSignal(app, sandbox)
  console.log(renderBanner({ runtime, origin, version }))
}

async function runCommand({
  name,
  configPath,
  options,
}: Extract<StartPlan, { kind: 'command' }>): Promise<number> {
  const command = commands.find((each) => each.name === name)
  if (command === undefined) throw new Error(`There is no command "${name}".`)
  const runtime = configPath === null ? await describeSandbox() : loadConfigFile({ path: configPath, env })
  return command.run({
    runtime,
    options,
    print: (line) => console.log(line),
    complain: (line) => console.error(line),
  })
}

/** The sandbox's configuration for a command, which calls no provider and so needs none to be started. */
async function describeSandbox(): Promise<Runtime> {
  const { sandboxConfig } = await import('./sandbox/config.ts')
  return loadConfig({ config: sandboxConfig('http://127.0.0.1:1'), source: 'sandbox', env })
}

/** Without a configuration the documented providers are simulated, so that the first call needs no key. */
async function startOnSandbox(overrides: {
  host?: string
  port?: number
}): Promise<{ runtime: Runtime; sandbox: Sandbox }> {
  // Loaded only here: a configured gateway has no use for it.
  const { startSandbox } = await import('./sandbox/index.ts')
  const sandbox = await startSandbox()
  return { runtime: loadConfig({ config: sandbox.config, source: 'sandbox', env, overrides }), sandbox }
}

/** The first signal drains, the second ends at once. */
function stopOnSignal(app: App, sandbox: Sandbox | null): void {
  let stopping = false
  async function stop(signal: NodeJS.Signals): Promise<void> {
    if (stopping) process.exit(1)
    stopping = true
    console.log(`${signal}: no new requests; those in flight are finished. Once more to stop at once.`)
    await app.close()
    await sandbox?.close()
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

function isListenError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, syscall } = error as NodeJS.ErrnoException
  if (syscall !== 'listen' && syscall !== 'getaddrinfo') return false
  if (code === 'EADDRINUSE')
    error.message += '. Another process has this port: stop it, or give --port (0 takes any).'
  return true
}

function isStoreError(error: unknown): boolean {
  return error instanceof Error && error.name === 'StoreError'
}
