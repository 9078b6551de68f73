/** What the scripted model's answers are made of. */
import { makeInstance } from './schema-instance.ts'
import type { Script, ScriptItem, ScriptRequest, ScriptTool, Turn } from './types.ts'

/** What a command or a tool asks of the answer. */
export interface Plan {
  items: ScriptItem[]
  thought?: string
  ending?: Script['ending']
  failure?: Script['failure']
  delay?: number
  polls?: number
}

/** The default answer. */
export function echoText(prompt: string): string {
  const shown = prompt.length > 2000 ? `${prompt.slice(0, 2000)}… (${prompt.length} characters)` : prompt
  return `You said: ${shown}\n\n(sandbox, no real model: try /help)`
}

/** JSON text that the request's format asks for. */
export function formatJson(request: ScriptRequest): string {
  if (request.format.type === 'json_schema') return JSON.stringify(makeInstance(request.format.schema))
  return JSON.stringify({ sandbox: true, you_said: lastUserText(request.turns).slice(0, 2000) })
}

/** The tools that the request's tool_choice leaves. */
export function usableTools({ tools, toolChoice }: ScriptRequest): ScriptTool[] {
  if (toolChoice.mode === 'none') return []
  return toolChoice.names ? tools.filter((tool) => toolChoice.names?.includes(tool.name)) : tools
}

/** A call of one tool, its arguments made from its schema unless given. */
export function callTool(tool: ScriptTool, given?: string): ScriptItem {
  if (tool.type === 'function')
    return {
      kind: 'call',
      name: tool.name,
      ...(tool.namespace === undefined ? {} : { namespace: tool.namespace }),
      arguments: given || JSON.stringify(makeInstance({ type: 'object', ...tool.parameters })),
    }
  if (tool.type === 'custom') return { kind: 'custom', name: tool.name, input: given || 'sandbox input' }
  return { kind: 'builtin', item: makeBuiltin(tool) }
}

function makeBuiltin(tool: ScriptTool): { type: string; [member: string]: unknown } {
  const type = `${tool.type.replace(/_preview.*$|_\d{4}.*$/, '')}_call`
  if (type === 'web_search_call') return { type, action: { type: 'search', query: 'sandbox' } }
  if (type === 'file_search_call') return { type, queries: ['sandbox'], results: null }
  if (type === 'code_interpreter_call')
    return { type, code: 'print(6 * 7)', container_id: 'cntr_sandbox', outputs: null }
  if (type === 'image_generation_call') return { type, result: 'iVBORw0KGgo=' }
  if (type === 'mcp_call')
    return { type, server_label: 'sandbox', name: 'ping', arguments: '{}', output: 'pong', error: null }
  return { type }
}

/** The text of the last user message; empty when there is none. */
export function lastUserText(turns: readonly Turn[]): string {
  return turns.findLast((turn) => turn.kind === 'message' && turn.label === 'user')?.text ?? ''
}

/** Words of all texts, 85 per image, and a token per 8 characters of each tool's schema. */
export function countInput(request: ScriptRequest): number {
  const turns = request.turns.reduce((total, turn) => total + countWords(turn.text) + turn.images * 85, 0)
  const tools = request.tools.reduce(
    (total, tool) => total + 2 + Math.ceil(JSON.stringify(tool.parameters).length / 8),
    0,
  )
  return turns + tools + countWords(request.instructions ?? '')
}

export function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0
}

/** A text in the pieces in which it is streamed: words with the space after them. */
export function splitDeltas(text: string): string[] {
  return text.match(/\S+\s*|^\s+/g) ?? []
}
