/** The commands of the scripted model: one table, from which `/help`, the banner and the README are made. */
import { callTool, countInput, echoText, formatJson, type Plan, usableTools } from './answers.ts'
import type { ScriptItem, ScriptRequest } from './types.ts'

type Run = (rest: string, request: ScriptRequest) => Plan

const commands: { readonly [name: string]: { form: string; what: string; run: Run } } = {
  help: { form: '/help', what: 'lists these commands', run: () => say(helpText()) },
  count: {
    form: '/count N',
    what: 'counts from 1 to N',
    run: (rest) =>
      say(Array.from({ length: readNumber(rest, 10, 100_000) }, (_, index) => index + 1).join(' ')),
  },
  long: {
    form: '/long N',
    what: 'answers with N words',
    run: (rest) =>
      say(
        Array.from(
          { length: readNumber(rest, 500, 200_000) },
          (_, index) => words[index % words.length],
        ).join(' '),
      ),
  },
  call: {
    form: '/call [name] [json]',
    what: 'calls the first tool given, or the named one, with arguments made from its schema or the JSON given',
    run: runCall,
  },
  'call-all': { form: '/call-all', what: 'calls every tool given, in parallel', run: runCallAll },
  reason: { form: '/reason text', what: 'reasons with that text, then answers', run: runReason },
  refuse: {
    form: '/refuse',
    what: 'refuses to answer',
    run: () => ({ items: [{ kind: 'refusal', text: 'I am sorry, but I cannot help with that.' }] }),
  },
  fail: {
    form: '/fail STATUS [provider]',
    what: 'fails with any HTTP status of 400 to 599, at every provider or only at the one named',
    run: runFail,
  },
  'fail-midstream': {
    form: '/fail-midstream [text]',
    what: 'fails after the first words of the answer',
    run: (rest, request) => ({ ...runRest(rest, request), ending: 'fail' }),
  },
  cut: {
    form: '/cut [text]',
    what: 'closes the connection after the first words of the answer',
    run: (rest, request) => ({ ...runRest(rest, request), ending: 'cut' }),
  },
  slow: {
    form: '/slow MS [text]',
    what: 'waits MS milliseconds before each piece of the answer',
    run: runSlow,
  },
  polls: {
    form: '/polls N [text]',
    what: 'in the background: is not done before it has been asked for N times',
    run: runPolls,
  },
  incomplete: { form: '/incomplete [text]', what: 'stops as if out of output tokens', run: runIncomplete },
  'bad-json': {
    form: '/bad-json',
    what: 'answers JSON that breaks the schema asked for',
    run: () => say('{"sandbox_breaks_the_schema":[null]}'),
  },
  images: {
    form: '/images',
    what: 'says how many images and files came',
    run: (_, request) => say(describeMedia(request)),
  },
  system: {
    form: '/system',
    what: 'repeats the instructions and system messages that arrived',
    run: (_, request) => say(describeSystem(request)),
  },
  history: {
    form: '/history',
    what: 'repeats all items that arrived, in order',
    run: (_, request) => say(describeHistory(request)),
  },
  whoami: {
    form: '/whoami',
    what: 'tells the provider, the model, the project and headers of note',
    run: (_, request) => say(describeSelf(request)),
  },
  usage: {
    form: '/usage',
    what: 'tells how many tokens (words) were counted in the request',
    run: (_, request) => say(`The request counts ${countInput(request)} input tokens.`),
  },
}

/** Every command with what it does, for the start banner and the README. Commands that take text take another command. */
export const sandboxCommands: readonly { command: string; what: string }[] = Object.values(commands).map(
  ({ form, what }) => ({ command: form, what }),
)

const words = 'the interpreter walked with the caravan and spoke for it at every gate along the road'.split(
  ' ',
)

/** What a text that starts with a known command asks for; null for any other text. */
export function runCommand(text: string, request: ScriptRequest): Plan | null {
  const match = /^\s*\/([a-z-]+)(?:\s+([\s\S]*))?$/.exec(text)
  const name = match?.[1] ?? ''
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  return command ? command.run((match?.[2] ?? '').trim(), request) : null
}

function say(text: string): Plan {
  return { items: [{ kind: 'text', text }] }
}

/** What follows a modifying command: a command of its own, JSON where a format was asked, else an echo. */
function runRest(rest: string, request: ScriptRequest): Plan {
  const plan = runCommand(rest, request)
  if (plan) return plan
  return say(request.format.type === 'text' ? echoText(rest) : formatJson(request))
}

function readNumber(text: string, fallback: number, most: number): number {
  const value = Number.parseInt(text, 10)
  return Number.isNaN(value) ? fallback : Math.min(most, Math.max(0, value))
}

function runCall(rest: string, request: ScriptRequest): Plan {
  if (answered(request)) return say('The tool has answered.')
  const tools = usableTools(request)
  const [, name = '', given = ''] = /^([^\s{]*)\s*([\s\S]*)$/.exec(rest) ?? []
  const tool = name ? tools.find((one) => one.name === name || one.type === name) : tools[0]
  if (!tool)
    return say(
      request.toolChoice.mode === 'none' ? 'tool_choice is none: no call.' : 'There is no such tool to call.',
    )
  const call = callTool(tool, given)
  return { items: call.kind === 'builtin' ? [call, { kind: 'text', text: `${tool.type} is done.` }] : [call] }
}

function runCallAll(_: string, request: ScriptRequest): Plan {
  if (answered(request)) return say('The tools have answered.')
  const tools = usableTools(request)
  if (tools.length === 0) return say('There is no tool to call.')
  const calls: ScriptItem[] = tools.map((tool) => callTool(tool))
  return { items: request.parallelToolCalls ? calls : calls.slice(0, 1) }
}

/** Whether the command's calls were made and answered already: the same user message is still the last one. */
function answered({ turns }: ScriptRequest): boolean {
  const last = turns.findLastIndex((turn) => turn.kind === 'message' && turn.label === 'user')
  return turns.slice(last + 1).some((turn) => turn.kind === 'output')
}

function runReason(rest: string, request: ScriptRequest): Plan {
  const thought = rest || 'Let me think.'
  return { ...runRest(rest, request), thought }
}

function runFail(rest: string, request: ScriptRequest): Plan {
  const [status = '', provider = ''] = rest.split(/\s+/)
  if (provider && provider !== request.provider)
    return say(`This is ${request.provider}, not ${provider}: no failure.`)
  const value = Number.parseInt(status, 10)
  const known = value >= 400 && value <= 599 ? value : 500
  const retryAfterSeconds = known === 429 || known === 503 ? 1 : undefined
  return {
    items: [],
    failure: { status: known, message: `The sandbox was told to fail with ${known}.`, retryAfterSeconds },
  }
}

function runSlow(rest: string, request: ScriptRequest): Plan {
  const [, delay = '', text = ''] = /^(\d*)\s*([\s\S]*)$/.exec(rest) ?? []
  return { ...runRest(text, request), delay: readNumber(delay, 100, 60_000) }
}

function runPolls(rest: string, request: ScriptRequest): Plan {
  const [, polls = '', text = ''] = /^(\d*)\s*([\s\S]*)$/.exec(rest) ?? []
  return { ...runRest(text, request), polls: readNumber(polls, 10, 1_000_000) }
}

/** Half of the answer's words, never all of them. */
function runIncomplete(rest: string, request: ScriptRequest): Plan {
  const plan = runRest(rest, request)
  const items = plan.items.map((item) =>
    item.kind === 'text' ? { ...item, text: item.text.slice(0, Math.ceil(item.text.length / 2)) } : item,
  )
  return { ...plan, items, ending: 'incomplete' }
}

function describeMedia({ turns }: ScriptRequest): string {
  const sum = (key: 'images' | 'files') => turns.reduce((total, turn) => total + turn[key], 0)
  return `I got ${sum('images')} images and ${sum('files')} files.`
}

function describeSystem({ instructions, turns }: ScriptRequest): string {
  const messages = turns.filter(
    (turn) => turn.kind === 'message' && (turn.label === 'system' || turn.label === 'developer'),
  )
  const texts = [...(instructions ? [instructions] : []), ...messages.map((turn) => turn.text)]
  return texts.length > 0 ? texts.join('\n') : 'No instructions came.'
}

function describeHistory({ turns }: ScriptRequest): string {
  return turns
    .map((turn) =>
      turn.kind === 'message' ? `${turn.label}: ${turn.text}` : `${turn.kind} ${turn.label}: ${turn.text}`,
    )
    .join('\n')
}

function describeSelf({ provider, model, notes }: ScriptRequest): string {
  return [`provider ${provider}`, `model ${model}`, ...notes].join(', ')
}

function helpText(): string {
  return sandboxCommands.map(({ command, what }) => `${command} — ${what}`).join('\n')
}
