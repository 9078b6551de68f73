/** Random answers, and the ways in which a provider may tell them: for the property tests. */
import fc from 'fast-check'
import type { Item, JsonObject } from '../../../translators/shared/canonical.ts'

/** What a model said, in tokens. */
export interface ScriptItem {
  type: 'message' | 'reasoning' | 'function_call' | 'web_search_call'
  /** For messages: one list per part. */
  parts: string[][]
}

const token = fc.string({
  unit: fc.constantFrom('a', 'b', ' ', 'é', '𝄞', '"', '\n', '<'),
  minLength: 1,
  maxLength: 4,
})
const part = fc.array(token, { minLength: 1, maxLength: 5 })

export const scriptItem: fc.Arbitrary<ScriptItem> = fc.oneof<fc.Arbitrary<ScriptItem>[]>(
  fc.record({ type: fc.constant('message' as const), parts: fc.array(part, { minLength: 1, maxLength: 3 }) }),
  fc.record({
    type: fc.constant('reasoning' as const),
    parts: fc.array(part, { minLength: 1, maxLength: 1 }),
  }),
  fc.record({
    type: fc.constant('function_call' as const),
    parts: fc.array(part, { minLength: 1, maxLength: 1 }),
  }),
  fc.record({ type: fc.constant('web_search_call' as const), parts: fc.constant<string[][]>([]) }),
)

export const script = fc.array(scriptItem, { minLength: 1, maxLength: 5 })

export interface Faults {
  /** Event types that are left out, everywhere. */
  missing: readonly string[]
  ids: 'stable' | 'rotating'
  indexes: 'right' | 'jumping' | 'zero'
  /** Every n-th event is sent twice. */
  duplicateEvery: number
  contentIndex: 'right' | 'growing'
  /** The final object without output. */
  emptyFinal: boolean
}

const droppable = [
  'response.created',
  'response.in_progress',
  'response.output_item.added',
  'response.content_part.added',
  'response.content_part.done',
  'response.output_text.done',
  'response.reasoning_text.done',
  'response.function_call_arguments.done',
  'response.output_item.done',
]

export const faults: fc.Arbitrary<Faults> = fc
  .record({
    missing: fc.subarray(droppable),
    ids: fc.constantFrom('stable' as const, 'rotating' as const),
    indexes: fc.constantFrom('right' as const, 'jumping' as const, 'zero' as const),
    duplicateEvery: fc.constantFrom(0, 1, 3),
    contentIndex: fc.constantFrom('right' as const, 'growing' as const),
    emptyFinal: fc.boolean(),
  })
  .map((made) => {
    // With nothing left to recognise an item by, nobody could put it together.
    const indexes = made.ids === 'rotating' ? ('right' as const) : made.indexes
    // A call whose name is told nowhere cannot be passed on.
    const nameless =
      made.missing.includes('response.output_item.added') &&
      made.missing.includes('response.output_item.done')
    // Without `added`, items with wrong indexes are known by their ids only, once an id has come twice.
    const missing =
      indexes !== 'right' && made.missing.includes('response.output_item.added')
        ? made.missing.filter((type) => !/(text|arguments)\.done$/.test(type))
        : made.missing
    return { ...made, missing, indexes, emptyFinal: made.emptyFinal && !nameless }
  })

export const noFaults: Faults = {
  missing: [],
  ids: 'stable',
  indexes: 'right',
  duplicateEvery: 0,
  contentIndex: 'right',
  emptyFinal: false,
}

const textKinds = { message: 'output_text', reasoning: 'reasoning_text' } as const

/** The finished item, as a provider tells it. */
export function finishedItem(item: ScriptItem, index: number): Item {
  const base = { id: `their_${index}`, type: item.type, status: 'completed' }
  const whole = item.parts.map((tokens) => tokens.join(''))
  if (item.type === 'web_search_call') return { ...base, action: { type: 'search', query: `q${index}` } }
  if (item.type === 'function_call') {
    return { ...base, call_id: `call_${index}`, name: 'get_weather', arguments: whole.join('') }
  }
  const content = whole.map((text) => ({
    type: textKinds[item.type as keyof typeof textKinds],
    text,
    ...(item.type === 'message' ? { annotations: [], logprobs: [] } : {}),
  }))
  return item.type === 'message' ? { ...base, role: 'assistant', content } : { ...base, summary: [], content }
}

/** The events of one item, without faults. */
function itemEvents(item: ScriptItem, index: number): JsonObject[] {
  const finished = finishedItem(item, index)
  const ids = { item_id: finished.id, output_index: index }
  const empty: JsonObject = { ...finished, status: 'in_progress' }
  if (item.type === 'function_call') empty.arguments = ''
  if (item.type === 'message' || item.type === 'reasoning') empty.content = []
  const events: JsonObject[] = [{ type: 'response.output_item.added', output_index: index, item: empty }]
  if (item.type === 'web_search_call') events.push({ type: 'response.web_search_call.searching', ...ids })
  for (const [content_index, tokens] of item.parts.entries()) {
    events.push(...partEvents(item, tokens, { ...ids, content_index }))
  }
  events.push({ type: 'response.output_item.done', output_index: index, item: finished })
  return events
}

function partEvents(item: ScriptItem, tokens: readonly string[], place: JsonObject): JsonObject[] {
  const text = tokens.join('')
  if (item.type === 'function_call') {
    const { content_index: _index, ...ids } = place
    const base = 'response.function_call_arguments'
    return [
      ...tokens.map((delta) => ({ type: `${base}.delta`, ...ids, delta })),
      { type: `${base}.done`, ...ids, arguments: text },
    ]
  }
  const kind = textKinds[item.type as keyof typeof textKinds]
  return [
    { type: 'response.content_part.added', ...place, part: { type: kind, text: '' } },
    ...tokens.map((delta) => ({ type: `response.${kind}.delta`, ...place, delta })),
    { type: `response.${kind}.done`, ...place, text },
    { type: 'response.content_part.done', ...place, part: { type: kind, text } },
  ]
}

/** The answer as a semantic stream with these faults. */
export function tellAsEvents(
  items: readonly ScriptItem[],
  given: Faults,
  response: JsonObject = {},
): string[] {
  const output = given.emptyFinal ? [] : items.map(finishedItem)
  const events: JsonObject[] = [
    { type: 'response.created', response: { id: 'their_response', status: 'in_progress', output: [] } },
    { type: 'response.in_progress', response: { id: 'their_response', status: 'in_progress', output: [] } },
    ...items.flatMap(itemEvents),
    {
      type: 'response.completed',
      response: { id: 'their_response', status: 'completed', output, ...response },
    },
  ]
  const kept = events.filter((event) => !given.missing.includes(String(event.type)))
  return kept.flatMap((event, at) => {
    const line = JSON.stringify({ ...spoil(event, at, given), sequence_number: at + 1 })
    return given.duplicateEvery > 0 && at % given.duplicateEvery === 0 ? [line, line] : [line]
  })
}

function spoil(event: JsonObject, at: number, given: Faults): JsonObject {
  const spoilt = { ...event }
  if (given.ids === 'rotating') {
    if ('item_id' in spoilt) spoilt.item_id = `rotated_${at}`
    if ('item' in spoilt) spoilt.item = { ...(spoilt.item as JsonObject), id: `rotated_${at}` }
  }
  if ('output_index' in spoilt && given.indexes !== 'right') {
    spoilt.output_index = given.indexes === 'zero' ? 0 : (at * 7) % 11
  }
  if ('content_index' in spoilt && given.contentIndex === 'growing' && 'delta' in spoilt)
    spoilt.content_index = at
  return spoilt
}

/** What an output says, item by item, whatever its parts and order: for comparing. */
export function sayingsOf(output: readonly Item[]): string[] {
  return output
    .map((item) => {
      const content = [...((item.summary ?? []) as JsonObject[]), ...((item.content ?? []) as JsonObject[])]
      const text = content.map((piece) => piece.text).join('')
      return JSON.stringify([item.type, item.call_id, item.name, item.arguments, item.action, text])
    })
    .sort()
}

/** The items with only the first tokens of the whole answer. */
export function takeTokens(items: readonly ScriptItem[], count: number): ScriptItem[] {
  const taken: ScriptItem[] = []
  for (const item of items) {
    if (count <= 0) break
    const parts: string[][] = []
    for (const tokens of item.parts) {
      if (count <= 0) break
      parts.push(tokens.slice(0, count))
      count -= tokens.length
    }
    if (item.parts.length === 0) count--
    taken.push({ ...item, parts })
  }
  return taken
}

export function countTokens(items: readonly ScriptItem[]): number {
  return items.reduce((sum, item) => sum + Math.max(1, item.parts.flat().length), 0)
}

const leak = '<|channel|>analysis<|message|>q<|end|>'

/** One senseless event. */
export const senselessLine = fc.record({
  type: fc.constantFrom(
    'response.output_item.added',
    'response.output_item.done',
    'response.content_part.added',
    'response.content_part.done',
    'response.output_text.delta',
    'response.output_text.done',
    'response.refusal.delta',
    'response.reasoning_text.delta',
    'response.reasoning_summary_text.delta',
    'response.reasoning_summary_part.added',
    'response.function_call_arguments.delta',
    'response.function_call_arguments.done',
    'response.custom_tool_call_input.delta',
    'response.mcp_call_arguments.delta',
    'response.mcp_call.completed',
    'response.code_interpreter_call_code.done',
    'response.web_search_call.searching',
    'response.shell_call_command.added',
    'response.shell_call_command.delta',
    'response.output_text.annotation.added',
    'nonsense',
  ),
  item_id: fc.constantFrom('a', 'b', null, 7),
  output_index: fc.constantFrom(0, 1, -1, 'x', undefined),
  content_index: fc.constantFrom(0, 1, undefined),
  command_index: fc.constantFrom(0, 1),
  command: fc.constant('ls'),
  delta: fc.constantFrom('x', '', null, { text: 'y' }, leak),
  text: fc.constantFrom('x', 'xx', null, leak, `${leak}${leak}`),
  arguments: fc.constantFrom('{}', null),
  annotation: fc.constantFrom({ type: 'note' }, null),
  part: fc.constantFrom(
    { type: 'output_text', text: 'x' },
    { type: 'reasoning_text' },
    { type: 'audio' },
    null,
    'p',
  ),
  item: fc.constantFrom(
    null,
    'text',
    { type: 'message', id: 'a', content: 'x' },
    { type: 'message', id: 'a', content: `${leak}x${leak}` },
    {
      type: 'message',
      id: 'b',
      content: [{ type: 'refusal', refusal: 'no' }, { type: 'audio' }],
      status: 'incomplete',
    },
    { type: 'reasoning', id: 'a', summary: ['s'], content: null, encrypted_content: null },
    { type: 'function_call', call_id: 'c', name: 'f', arguments: { a: 1 } },
    { type: 'function_call', call_id: null },
    { type: 'custom_tool_call', call_id: 'c', name: 'f', input: 'x' },
    { type: 'mcp_call', id: 'a', arguments: '{}', name: 'x' },
    { type: 'shell_call', id: 'b', action: { commands: [] }, status: 'in_progress' },
    { type: 'code_interpreter_call', id: 'b', code: null },
    { type: 'web_search_call', id: 'a', status: 'searching' },
    { type: 'unheard_of' },
    {},
  ),
})
/** Ways for a senseless stream to end. */
export const senselessEnd = fc.constantFrom<(string | object)[][]>(
  [],
  ['[DONE]'],
  [{ type: 'response.completed', response: { output: [{ type: 'message', content: 'xyz' }] } }],
  [{ type: 'response.incomplete' }],
  [{ type: 'error', message: 'no' }],
)
