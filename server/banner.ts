import type { Runtime } from './config/runtime.ts'
import { sandboxCommands } from './sandbox/commands.ts'

export interface BannerOptions {
  runtime: Runtime
  /** As listened on, e.g. `http://127.0.0.1:8787`. */
  origin: string
  version: string
}

/** What the start prints: where it is, what it serves, and calls that work as printed. */
export function renderBanner({ runtime, origin, version }: BannerOptions): string {
  const url = origin.replace('0.0.0.0', '127.0.0.1').replace('[::]', '[::1]')
  const isSandbox = runtime.source === 'sandbox'
  return [
    `Dragoman ${version} answers at ${url}/v1/responses`,
    `  dashboard ${url}/   metrics ${url}/metrics   configuration: ${runtime.source}`,
    ...(isSandbox ? sandboxNotice : []),
    '',
    'Models',
    ...modelLines(runtime),
    ...warningLines(runtime),
    '',
    ...exampleLines(runtime, url, isSandbox),
  ].join('\n')
}

const sandboxNotice = [
  '',
  'This is the SANDBOX: there is no config.json, so the providers behind this gateway are SIMULATED on this machine.',
  'No real model answers, nothing leaves this machine, nothing costs anything.',
  'For real providers: copy config.example.json to config.json, keep what you use, set the keys it names, start again.',
]

function modelLines(runtime: Runtime): string[] {
  const width = Math.max(0, ...runtime.models.map(({ pattern }) => pattern.length))
  return runtime.models.map(({ pattern, targets }) => {
    const places = targets.map(
      ({ provider, model }) => `${provider} (${model})${isMissing(runtime, provider) ? ' unavailable' : ''}`,
    )
    return `  ${pattern.padEnd(width)}  → ${places.join(', then ')}`
  })
}

function isMissing(runtime: Runtime, provider: string): boolean {
  return (runtime.providers.get(provider)?.missing.length ?? 0) > 0
}

function warningLines({ warnings }: Runtime): string[] {
  return warnings.length === 0 ? [] : ['', 'Note', ...warnings.map((warning) => `  ${warning}`)]
}

function exampleLines(runtime: Runtime, url: string, isSandbox: boolean): string[] {
  const served = runtime.models.find(
    ({ pattern, targets }) =>
      !pattern.includes('*') && targets.some(({ provider }) => !isMissing(runtime, provider)),
  )
  if (served === undefined) return ['No model is available: see the notes above.']
  const needsKey = runtime.keys.size > 0
  const key = needsKey ? '$DRAGOMAN_KEY' : 'none'
  const body = JSON.stringify({ model: served.pattern, input: isSandbox ? '/count 3' : 'Say hello.' })
  return [
    ...(needsKey ? ['Set DRAGOMAN_KEY to a key of one of your projects, then', ''] : []),
    'curl',
    `  curl ${url}/v1/responses -H 'content-type: application/json'${needsKey ? ` -H "authorization: Bearer ${key}"` : ''} -d ${quoteForShell(body)}`,
    '',
    "OpenAI's SDK (npm install openai; save as hello.mjs)",
    "  import OpenAI from 'openai'",
    `  const client = new OpenAI({ baseURL: '${url}/v1', apiKey: ${needsKey ? 'process.env.DRAGOMAN_KEY' : "'none'"} })`,
    `  const stream = client.responses.stream(${JSON.stringify({ model: served.pattern, input: isSandbox ? '/count 5' : 'Say hello.' })})`,
    "  for await (const event of stream) if (event.type === 'response.output_text.delta') process.stdout.write(event.delta)",
    ...(isSandbox ? ['', 'The simulated model understands', ...commandLines()] : []),
  ]
}

/** Single quotes keep a shell from reading anything else; one inside is closed around. */
function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

function commandLines(): string[] {
  const width = Math.max(...sandboxCommands.map(({ command }) => command.length))
  return sandboxCommands.map(({ command, what }) => `  ${command.padEnd(width)}  ${what}`)
}
