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
  const [served, other = served] = listServed(runtime)
  if (served === undefined || other === undefined) return ['No model is available: see the notes above.']
  const needsKey = runtime.keys.size > 0
  const key = needsKey ? '$DRAGOMAN_KEY' : 'none'
  const body = JSON.stringify({ model: served, input: isSandbox ? '/count 3' : 'Say hello.' })
  const asked = JSON.stringify({ model: served, input: isSandbox ? '/count 5' : 'Say hello.' })
  const next = [other, isSandbox ? '/history' : 'And in Samarkand?'].map((text) => JSON.stringify(text))
  return [
    ...(needsKey ? ['Set DRAGOMAN_KEY to a key of one of your projects, then', ''] : []),
    'curl',
    `  curl ${url}/v1/responses -H 'content-type: application/json'${needsKey ? ` -H "authorization: Bearer ${key}"` : ''} -d ${quoteForShell(body)}`,
    '',
    "OpenAI's SDK (npm install openai; save as hello.mjs)",
    "  import OpenAI from 'openai'",
    `  const client = new OpenAI({ baseURL: '${url}/v1', apiKey: ${needsKey ? 'process.env.DRAGOMAN_KEY' : "'none'"} })`,
    `  const stream = client.responses.stream(${asked})`,
    "  for await (const event of stream) if (event.type === 'response.output_text.delta') process.stdout.write(event.delta)",
    ...(keepsResponses(runtime)
      ? [
          '  const { id: previous_response_id } = await stream.finalResponse() // kept here: any model goes on from it',
          `  const next = await client.responses.create({ model: ${next[0]}, input: ${next[1]}, previous_response_id })`,
          "  console.log('\\n' + next.output_text)",
        ]
      : []),
    ...(isSandbox ? ['', 'The simulated model understands', ...commandLines()] : []),
  ]
}

/** Whether every caller's responses are, unless it says otherwise. */
function keepsResponses({ state, projects }: Runtime): boolean {
  return [...projects.values()].every(({ store }) => store ?? state.store) && state.store
}

/** Names that can be called, the second one at another provider than the first where there is one. */
function listServed(runtime: Runtime): string[] {
  const served = runtime.models.flatMap(({ pattern, targets }) => {
    const target = targets.find(({ provider }) => !isMissing(runtime, provider))
    return pattern.includes('*') || target === undefined ? [] : [{ pattern, provider: target.provider }]
  })
  const [first] = served
  const other = served.find(({ provider }) => provider !== first?.provider)
  return [first, other].flatMap((one) => (one === undefined ? [] : [one.pattern]))
}

/** Single quotes keep a shell from reading anything else; one inside is closed around. */
function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

function commandLines(): string[] {
  const width = Math.max(...sandboxCommands.map(({ command }) => command.length))
  return sandboxCommands.map(({ command, what }) => `  ${command.padEnd(width)}  ${what}`)
}
