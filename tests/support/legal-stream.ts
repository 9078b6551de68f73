/**
 * The rules of a legal canonical stream, as one assertion that every suite shares: one `created`, gapless sequence
 * numbers, balanced brackets, deltas = done = final, unique and stable ids, exactly one terminal event.
 */
import assert from 'node:assert/strict'
import {
  type CanonicalEvent,
  type CanonicalResponse,
  type Item,
  isObject,
  type JsonObject,
} from '../../translators/shared/canonical.ts'

/** The 31 members that the contract requires, and which of them may be null. */
export const requiredMembers = [
  'id',
  'object',
  'created_at',
  'completed_at',
  'status',
  'incomplete_details',
  'model',
  'previous_response_id',
  'instructions',
  'output',
  'error',
  'tools',
  'tool_choice',
  'truncation',
  'parallel_tool_calls',
  'text',
  'top_p',
  'presence_penalty',
  'frequency_penalty',
  'top_logprobs',
  'temperature',
  'reasoning',
  'usage',
  'max_output_tokens',
  'max_tool_calls',
  'store',
  'background',
  'service_tier',
  'metadata',
  'safety_identifier',
  'prompt_cache_key',
] as const

const nullable = new Set([
  'completed_at',
  'incomplete_details',
  'previous_response_id',
  'instructions',
  'error',
  'reasoning',
  'usage',
  'max_output_tokens',
  'max_tool_calls',
  'safety_identifier',
  'prompt_cache_key',
])

/** The event types of the specification: all that a stream in the `open-responses` dialect may hold. */
const specificationEvents = new Set([
  'response.created',
  'response.queued',
  'response.in_progress',
  'response.completed',
  'response.failed',
  'response.incomplete',
  'response.output_item.added',
  'response.output_item.done',
  'response.reasoning_summary_part.added',
  'response.reasoning_summary_part.done',
  'response.content_part.added',
  'response.content_part.done',
  'response.output_text.delta',
  'response.output_text.done',
  'response.refusal.delta',
  'response.refusal.done',
  'response.reasoning.delta',
  'response.reasoning.done',
  'response.reasoning_summary_text.delta',
  'response.reasoning_summary_text.done',
  'response.output_text.annotation.added',
  'response.function_call_arguments.delta',
  'response.function_call_arguments.done',
  'error',
])

/** What OpenAI's SDKs know beyond that, per item kind. */
const ownEvents: { readonly [type: string]: string } = Object.fromEntries(
  Object.entries({
    custom_tool_call: ['custom_tool_call_input.delta', 'custom_tool_call_input.done'],
    mcp_call: [
      'mcp_call_arguments.delta',
      'mcp_call_arguments.done',
      'mcp_call.in_progress',
      'mcp_call.completed',
      'mcp_call.failed',
    ],
    mcp_list_tools: ['mcp_list_tools.in_progress', 'mcp_list_tools.completed', 'mcp_list_tools.failed'],
    code_interpreter_call: [
      'code_interpreter_call_code.delta',
      'code_interpreter_call_code.done',
      'code_interpreter_call.in_progress',
      'code_interpreter_call.interpreting',
      'code_interpreter_call.completed',
    ],
    web_search_call: [
      'web_search_call.in_progress',
      'web_search_call.searching',
      'web_search_call.completed',
    ],
    file_search_call: [
      'file_search_call.in_progress',
      'file_search_call.searching',
      'file_search_call.completed',
    ],
    image_generation_call: [
      'image_generation_call.in_progress',
      'image_generation_call.generating',
      'image_generation_call.completed',
      'image_generation_call.partial_image',
    ],
    shell_call: ['shell_call_command.added', 'shell_call_command.delta', 'shell_call_command.done'],
    compaction: ['compaction.compacting'],
  }).flatMap(([type, names]) => names.map((name) => [`response.${name}`, type])),
)

interface OpenPart {
  index: number
  type: string
  text: string
  saidDone: boolean
  annotations: unknown[]
}

interface OpenItem {
  id: string
  type: string
  callId: unknown
  name: unknown
  part: OpenPart | null
  summary: OpenPart | null
  contents: JsonObject[]
  summaries: JsonObject[]
  member: string
  memberDone: string | null
}

export interface LegalStreamOptions {
  /** The dialect that the stream was asked for. Default `openai`. */
  dialect?: 'openai' | 'open-responses'
}

/**
 * Asserts that the events are one whole legal stream.
 * @returns the final response object, as it stands in the terminal event.
 */
export function assertLegalStream(
  events: readonly CanonicalEvent[],
  { dialect = 'openai' }: LegalStreamOptions = {},
): CanonicalResponse {
  assert.ok(events.length >= 2, `a stream has a beginning and an end, not ${events.length} events`)
  for (const [index, event] of events.entries()) assert.equal(event.sequence_number, index, 'gapless from 0')
  const { created, length: begun, isRunning } = assertBeginning(events)
  const checker = new StreamChecker(dialect)
  const terminal = events.at(-1) as CanonicalEvent
  const isFailed = terminal.type === 'response.failed'
  const end = isFailed ? events.length - 2 : events.length - 1
  for (const event of events.slice(begun, end)) checker.check(event)
  checker.assertClosed()
  if (isFailed) assertErrorEvent(events.at(-2), terminal)
  const status = /^response\.(completed|incomplete|failed)$/.exec(terminal.type)?.[1]
  assert.ok(status !== undefined, `the last event is a terminal one, not ${terminal.type}`)
  const isCancelled = isObject(terminal.response) && terminal.response.status === 'cancelled'
  if (isCancelled) assert.equal(status, 'incomplete', 'a cancelled response ends in response.incomplete')
  const final = assertResponse(terminal.response, isCancelled ? 'cancelled' : status)
  if (!isRunning) assert.ok(isCancelled || isFailed, 'only a failed or cancelled response never runs')
  if (!isRunning) assert.deepEqual(final.output, [], 'a response that never ran has no output')
  assert.equal(final.id, created.id, 'the response id is stable')
  assert.deepEqual(final.output, checker.items, 'the final output is what output_item.done said')
  assertEnd(final)
  return final
}

/** `created`, `queued` where it waited, `in_progress` where it ran. */
function assertBeginning(events: readonly CanonicalEvent[]): {
  created: CanonicalResponse
  length: number
  isRunning: boolean
} {
  assert.equal(events[0]?.type, 'response.created')
  const isQueued = isObject(events[0].response) && events[0].response.status === 'queued'
  const created = assertResponse(events[0].response, isQueued ? 'queued' : 'in_progress')
  let length = 1
  if (isQueued && events[length]?.type === 'response.queued')
    assert.deepEqual(events[length++]?.response, created, 'nothing has changed while it waits')
  const isRunning = events[length]?.type === 'response.in_progress'
  if (isRunning) {
    const running = assertResponse(events[length++]?.response, 'in_progress')
    assert.equal(running.id, created.id, 'the response id is stable')
    if (!isQueued) assert.deepEqual(running, created)
  }
  return { created, length, isRunning }
}

/** Asserts that this is a whole response object of this status: 31 members, none null that must not be. */
export function assertResponse(value: unknown, status: string): CanonicalResponse {
  assert.ok(isObject(value), 'a response object')
  for (const name of requiredMembers) {
    assert.ok(name in value, `the response object has ${name}`)
    assert.notEqual(value[name], undefined, `${name} is not undefined`)
    if (!nullable.has(name)) assert.notEqual(value[name], null, `${name} is not null`)
  }
  assert.equal(value.object, 'response')
  assert.equal(value.status, status)
  assert.ok(Number.isInteger(value.created_at), 'created_at is in whole seconds')
  assert.equal(typeof value.service_tier, 'string')
  assert.ok(isObject(value.text) && isObject(value.text.format), 'text.format is there')
  const response = value as CanonicalResponse
  if (status === 'in_progress' || status === 'queued') assert.deepEqual(response.output, [])
  return response
}

function assertEnd(final: CanonicalResponse): void {
  const statuses = final.output.map((item) => item.status)
  if (final.status !== 'failed' && final.status !== 'cancelled') {
    for (const status of statuses.slice(0, -1))
      assert.notEqual(status, 'incomplete', 'only the last is incomplete')
  }
  for (const status of statuses) assert.notEqual(status, 'in_progress', 'no item is left in progress')
  if (final.status === 'completed') {
    assert.ok(!statuses.includes('incomplete'), 'an incomplete item makes the response incomplete')
    assert.ok(Number.isInteger(final.completed_at), 'completed_at is set')
    assert.ok((final.completed_at ?? 0) >= final.created_at)
  } else assert.equal(final.completed_at, null)
  if (final.status === 'failed') assert.ok(final.error?.code && final.error.message, 'a failure says why')
  else assert.equal(final.error, null)
  if (final.status === 'incomplete') assert.ok(final.incomplete_details?.reason, 'incomplete says why')
  else if (final.status === 'cancelled') assert.deepEqual(final.incomplete_details, { reason: 'cancelled' })
  else assert.equal(final.incomplete_details, null)
  assertUsage(final)
  assertUnique(final.output)
  const texts = final.output.flatMap((item) =>
    item.type === 'message' && Array.isArray(item.content)
      ? item.content.map((part: JsonObject) => (part.type === 'output_text' ? part.text : ''))
      : [],
  )
  assert.equal(final.output_text, texts.join(''), 'output_text is all text')
}

function assertUsage({ usage }: CanonicalResponse): void {
  if (usage === null) return
  const { input_tokens: input, output_tokens: output, total_tokens: total } = usage
  const cached = usage.input_tokens_details.cached_tokens
  const reasoning = usage.output_tokens_details.reasoning_tokens
  for (const count of [input, output, total, cached, reasoning])
    assert.ok(Number.isInteger(count) && count >= 0)
  assert.ok(cached <= input && reasoning <= output, 'parts are within the whole')
  assert.ok(total >= input + output, 'the total is inclusive')
}

function assertUnique(output: readonly Item[]): void {
  const seen = new Set<string>()
  for (const item of output) {
    assert.ok(typeof item.id === 'string' && item.id !== '', `a ${item.type} has an id`)
    assert.ok(!seen.has(item.id), `the id ${item.id} is used once`)
    seen.add(item.id)
    if (item.type !== 'function_call' && item.type !== 'custom_tool_call') continue
    assert.ok(typeof item.call_id === 'string' && item.call_id !== '', 'a call has a call_id')
    assert.ok(!seen.has(`${item.type} ${item.call_id}`), `the call_id ${item.call_id} is used once`)
    seen.add(`${item.type} ${item.call_id}`)
  }
}

function assertErrorEvent(event: CanonicalEvent | undefined, terminal: CanonicalEvent): void {
  assert.equal(event?.type, 'error', 'an error event stands before response.failed')
  assert.ok(isObject(event.error))
  assert.deepEqual(Object.keys(event.error).sort(), ['code', 'message', 'param', 'type'])
  for (const name of ['type', 'code', 'message']) assert.equal(typeof event.error[name], 'string', name)
  const { error } = terminal.response as CanonicalResponse
  assert.deepEqual(error, { code: event.error.code, message: event.error.message })
}

class StreamChecker {
  readonly items: Item[] = []
  private readonly open = new Map<number, OpenItem>()
  private readonly dialect: string
  private added = 0

  constructor(dialect: string) {
    this.dialect = dialect
  }

  check(event: CanonicalEvent): void {
    const { type } = event
    assert.ok(
      this.dialect === 'open-responses'
        ? specificationEvents.has(type)
        : specificationEvents.has(type) || type in ownEvents || type.startsWith('response.reasoning_text.'),
      `${type} is not known in the ${this.dialect} dialect`,
    )
    if (this.dialect === 'openai')
      assert.ok(!type.startsWith('response.reasoning.'), 'the SDKs do not know it')
    if (type === 'response.output_item.added') this.addItem(event)
    else if (type === 'response.output_item.done') this.finishItem(event)
    else this.checkInside(event, this.itemOf(event))
  }

  assertClosed(): void {
    assert.equal(this.open.size, 0, 'every item is closed before the end')
    assert.equal(this.items.length, this.added, 'every item that was added is in the output')
  }

  private addItem(event: CanonicalEvent): void {
    const item = event.item as Item
    assert.equal(event.output_index, this.added, 'output indexes count from 0 without a gap')
    this.added++
    assert.ok(typeof item.id === 'string' && item.id !== '')
    if (item.type === 'message') assert.deepEqual(item.content, [], 'a message starts empty')
    if (item.type === 'reasoning') assert.deepEqual(item.summary, [], 'reasoning starts empty')
    if (item.type === 'function_call') assert.equal(item.arguments, '', 'a call starts without arguments')
    this.open.set(event.output_index as number, {
      id: item.id,
      type: item.type,
      callId: item.call_id,
      name: item.name,
      part: null,
      summary: null,
      contents: [],
      summaries: [],
      member: '',
      memberDone: null,
    })
  }

  private finishItem(event: CanonicalEvent): void {
    const index = event.output_index as number
    const known = this.open.get(index)
    assert.ok(known !== undefined, 'an item is done once, after it was added')
    const item = event.item as Item
    assert.equal(item.id, known.id, 'the item id is stable')
    assert.equal(item.type, known.type, 'the item type is stable')
    if (known.callId !== undefined) assert.equal(item.call_id, known.callId, 'the call_id is stable')
    if (known.type === 'function_call') assert.equal(item.name, known.name, 'the name is stable')
    assert.equal(known.part, null, 'the last part is closed')
    assert.equal(known.summary, null, 'the last summary part is closed')
    this.assertContent(item, known)
    this.items[index] = item
    this.open.delete(index)
  }

  private assertContent(item: Item, known: OpenItem): void {
    if (item.type === 'message') {
      assert.equal(item.role, 'assistant')
      assert.deepEqual(item.content, known.contents, 'the message is its parts')
    }
    if (item.type === 'reasoning') {
      assert.deepEqual(item.content ?? [], known.contents, 'reasoning is its parts')
      assert.deepEqual(item.summary, known.summaries, 'the summary is its parts')
      assert.notEqual(item.encrypted_content, null, 'absent, not null')
    }
    if (item.type === 'function_call') {
      assert.equal(known.memberDone, item.arguments, 'arguments.done is what the item says')
    }
    if (known.memberDone !== null)
      assert.equal(known.member, known.memberDone, 'deltas make up the done value')
    assert.ok(!('phase' in item) || typeof item.phase === 'string', 'phase is absent, not null')
  }

  private itemOf(event: CanonicalEvent): OpenItem {
    const item = this.open.get(event.output_index as number)
    assert.ok(item !== undefined, `${event.type} belongs to an open item`)
    assert.equal(event.item_id, item.id, `${event.type} has its item's id`)
    return item
  }

  private checkInside(event: CanonicalEvent, item: OpenItem): void {
    const own = ownEvents[event.type]
    if (own !== undefined) assert.equal(item.type, own, `${event.type} belongs to a ${own}`)
    const [, family = '', moment = ''] = /^response\.(.+)\.([a-z_]+)$/.exec(event.type) ?? []
    if (family === 'content_part' || family === 'reasoning_summary_part') this.checkPart(event, item, moment)
    else if (/^(output_text|refusal|reasoning|reasoning_text|reasoning_summary_text)$/.test(family)) {
      this.checkText(event, item, family, moment)
    } else if (family === 'output_text.annotation') this.checkAnnotation(event, item)
    else if (/_(arguments|input|code)$/.test(family)) this.checkMember(event, item, moment)
  }

  private checkPart(event: CanonicalEvent, item: OpenItem, moment: string): void {
    const isSummary = 'summary_index' in event
    const lane = isSummary ? 'summary' : 'part'
    const list = isSummary ? item.summaries : item.contents
    const index = isSummary ? event.summary_index : event.content_index
    const part = event.part as JsonObject
    assert.equal(index, list.length, 'parts count from 0 without a gap')
    if (moment === 'added') {
      assert.equal(item[lane], null, 'one part at a time')
      item[lane] = { index: list.length, type: String(part.type), text: '', saidDone: false, annotations: [] }
      return
    }
    const open = item[lane]
    assert.ok(open !== null, 'a part is done after it was added')
    assert.equal(part.type, open.type)
    if (typeof part.text === 'string' || typeof part.refusal === 'string') {
      assert.equal(part.type === 'refusal' ? part.refusal : part.text, open.text, 'the part is its deltas')
      assert.ok(open.saidDone, 'the text is done before its part')
    }
    if (part.type === 'output_text') {
      assert.deepEqual(part.annotations, open.annotations, 'annotations are those that were added')
      assert.ok(Array.isArray(part.logprobs), 'logprobs is a list')
    }
    list.push(part)
    item[lane] = null
  }

  private checkText(event: CanonicalEvent, item: OpenItem, family: string, moment: string): void {
    const isSummary = family === 'reasoning_summary_text'
    const part = isSummary ? item.summary : item.part
    assert.ok(part !== null, `${event.type} has an open part`)
    assert.equal(isSummary ? event.summary_index : event.content_index, part.index, 'it is the open part')
    const kinds: { [family: string]: string } = {
      output_text: 'output_text',
      refusal: 'refusal',
      reasoning: 'reasoning_text',
      reasoning_text: 'reasoning_text',
      reasoning_summary_text: 'summary_text',
    }
    assert.equal(part.type, kinds[family])
    assert.ok(!part.saidDone, 'no text after its done')
    if (family === 'output_text') assert.ok(Array.isArray(event.logprobs), 'logprobs stand on text events')
    if (moment === 'delta') {
      assert.equal(typeof event.delta, 'string')
      part.text += event.delta
      return
    }
    assert.equal(family === 'refusal' ? event.refusal : event.text, part.text, 'done is all deltas')
    part.saidDone = true
  }

  private checkAnnotation(event: CanonicalEvent, item: OpenItem): void {
    assert.ok(item.part !== null && item.part.type === 'output_text', 'annotations belong to open text')
    assert.equal(event.content_index, item.part.index)
    assert.equal(event.annotation_index, item.part.annotations.length, 'annotations count from 0')
    item.part.annotations.push(event.annotation)
  }

  private checkMember(event: CanonicalEvent, item: OpenItem, moment: string): void {
    assert.equal(item.memberDone, null, 'nothing after its done')
    if (moment === 'delta') item.member += event.delta
    else item.memberDone = String(event.arguments ?? event.input ?? event.code)
  }
}
