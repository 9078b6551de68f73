/**
 * The scripted model behind every simulated provider: what it answers follows from the request alone. The last
 * user message steers it; without a command it echoes.
 */
import {
  callTool,
  countInput,
  countWords,
  echoText,
  formatJson,
  lastUserText,
  type Plan,
  splitDeltas,
  usableTools,
} from './answers.ts'
import { runCommand } from './commands.ts'
import type { Script, ScriptItem, ScriptRequest, TokenCount, Turn } from './types.ts'

/** The script of the answer to one request. Deterministic: no clock, no randomness. */
export function scriptedModel(request: ScriptRequest): Script {
  const plan = planAnswer(request)
  const items: ScriptItem[] = []
  const thought = plan.thought ?? (request.effort ? `Thinking with effort ${request.effort}.` : null)
  if (thought) items.push({ kind: 'reasoning', text: thought })
  items.push(...plan.items)
  return fitBudget(request, items, plan)
}

function planAnswer(request: ScriptRequest): Plan {
  const { toolChoice } = request
  const tools = usableTools(request)
  const prompt = lastUserText(request.turns)
  const plan = runCommand(prompt, request)
  if (plan?.failure || plan?.items.some((item) => item.kind === 'call' || item.kind === 'custom')) return plan
  if (toolChoice.mode === 'required' && tools.length > 0) return { ...plan, items: [callTool(tools[0]!)] }
  const outputs = trailingOutputs(request.turns)
  if (outputs.length > 0) {
    const told = outputs.map((output) => output.text).join('\n')
    return {
      ...plan,
      items: [
        {
          kind: 'text',
          text: request.format.type === 'text' ? `The tool says: ${told}` : formatJson(request),
        },
      ],
    }
  }
  if (plan) return plan
  if (request.format.type !== 'text') return { items: [{ kind: 'text', text: formatJson(request) }] }
  return { items: [{ kind: 'text', text: echoText(prompt) }] }
}

/** Tool outputs after which nobody has spoken yet. */
function trailingOutputs(turns: readonly Turn[]): Turn[] {
  const last = turns.findLastIndex((turn) => turn.kind === 'message' || turn.kind === 'call')
  return turns.slice(last + 1).filter((turn) => turn.kind === 'output')
}

/** Cuts text and reasoning where the output budget ends, and counts. */
function fitBudget(request: ScriptRequest, items: ScriptItem[], plan: Plan): Script {
  let left = request.maxOutputTokens ?? Number.POSITIVE_INFINITY
  let ending = plan.ending ?? 'completed'
  const kept: ScriptItem[] = []
  for (const item of items) {
    const words = countWords(itemText(item))
    if ((item.kind === 'text' || item.kind === 'reasoning') && words > left) {
      if (ending === 'completed') ending = 'incomplete'
      if (left > 0) kept.push({ ...item, text: firstWords(item.text, left), cut: true })
      left = 0
      break
    }
    left -= words
    kept.push(item.kind === 'text' && ending === 'incomplete' ? { ...item, cut: true } : item)
  }
  return {
    items: kept,
    ending,
    failure: plan.failure ?? null,
    delay: plan.delay ?? 0,
    polls: plan.polls ?? null,
    tokens: countTokens(request, kept),
  }
}

function countTokens(request: ScriptRequest, items: ScriptItem[]): TokenCount {
  const sum = (kinds: (kind: ScriptItem['kind']) => boolean) =>
    items.filter((item) => kinds(item.kind)).reduce((total, item) => total + countWords(itemText(item)), 0)
  const input = countInput(request)
  return {
    input,
    cached: request.promptCacheKey ? Math.floor(input / 2) : 0,
    output: sum(() => true),
    reasoning: sum((kind) => kind === 'reasoning'),
  }
}

function itemText(item: ScriptItem): string {
  if (item.kind === 'call') return `${item.name} ${item.arguments}`
  if (item.kind === 'custom') return `${item.name} ${item.input}`
  return item.kind === 'builtin' ? item.item.type : item.text
}

function firstWords(text: string, count: number): string {
  return splitDeltas(text).slice(0, count).join('').trimEnd()
}
