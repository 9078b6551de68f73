/** The input of a request: items rewritten for what the provider's contract table says it can read. */
import { admit, admitKind, type Draft, fieldContract, lose, note, refuse } from '../shared/apply-contract.ts'
import { type Item, isObject, type JsonObject } from '../shared/canonical.ts'
import { wrapCustomInput } from '../shared/custom-input.ts'
import { shortenCallId, type ToolNames } from '../shared/tool-names.ts'
import { fitLength, joinText, rewriteContent } from './parts.ts'

/** Items whose `id` only the server that made it understands; all others carry one that their schema requires. */
const itemsWithOptionalId = new Set([
  'message',
  'function_call',
  'function_call_output',
  'reasoning',
  'custom_tool_call',
  'custom_tool_call_output',
])

/** OpenAI's API reference: the answers to built-in tools whose `id` may be left out. */
const answersWithOptionalId = new Set([
  'computer_call_output',
  'shell_call_output',
  'apply_patch_call_output',
  'mcp_approval_response',
])

/** Sets `body.input` (and `body.instructions` where they go natively). */
export function applyInput(draft: Draft, names: ToolNames): void {
  const { input } = draft.request
  const system = applyInstructions(draft)
  if (typeof input === 'string' || input === undefined || input === null)
    applyText(draft, input ?? null, system)
  else draft.body.input = [...(system ? [system] : []), ...rewriteItems(draft, input, names)]
  checkNotEmpty(draft)
  if (Array.isArray(input) && input.length > 0) checkSomethingLeft(draft)
}

/** The system message that carries the instructions where the provider has no such field. */
function applyInstructions(draft: Draft): JsonObject | null {
  const { instructions } = draft.request
  if (instructions === undefined || instructions === null || instructions === '') return null
  if (admit(draft, 'instructions') !== 'send') return null
  if (fieldContract(draft, 'instructions').form !== 'system_message') {
    draft.body.instructions = instructions
    return null
  }
  note(draft, 'instructions', 'mapped', 'system message')
  return messageOf(draft, 'system', instructions)
}

/** An easy message as the provider's history form has it. */
function messageOf(draft: Draft, role: string, content: string): JsonObject {
  return isPlain(draft) ? { role, content } : { type: 'message', role, content }
}

function isPlain(draft: Draft): boolean {
  return fieldContract(draft, 'input').form === 'plain_text'
}

function applyText(draft: Draft, text: string | null, system: JsonObject | null): void {
  const fitted = text === null ? null : fitLength(draft, text)
  if (!system) {
    if (fitted !== null || needsInput(draft)) draft.body.input = fitted ?? ''
    return
  }
  draft.body.input = fitted ? [system, messageOf(draft, 'user', fitted)] : [system]
}

/** Providers require the member unless something else leads to the model's context. */
function needsInput({ body }: Draft): boolean {
  return body.prompt === undefined
}

function checkNotEmpty(draft: Draft): void {
  const minLength = fieldContract(draft, 'input').limit?.minLength ?? 0
  const { input } = draft.body
  const length = typeof input === 'string' || Array.isArray(input) ? input.length : 0
  if (length < minLength)
    refuse(
      draft,
      'input',
      `"input" must not be empty at provider "${draft.target.provider}". Send a message.`,
    )
}

/** What was left out item by item may be all there was. */
function checkSomethingLeft(draft: Draft): void {
  if (!Array.isArray(draft.body.input) || draft.body.input.length > 0 || !needsInput(draft)) return
  refuse(
    draft,
    'input',
    `"input" holds nothing that provider "${draft.target.provider}" can read. Send a message, or route the model to a provider that reads such items.`,
  )
}

function rewriteItems(draft: Draft, items: readonly Item[], names: ToolNames): JsonObject[] {
  const images = { count: 0 }
  const rewritten: JsonObject[] = []
  for (const item of items) {
    if (!isObject(item)) continue
    const one = rewriteItem(draft, { item, names, images })
    if (one) rewritten.push(one)
  }
  return rewritten
}

interface ItemScope {
  item: JsonObject
  names: ToolNames
  images: { count: number }
}

function itemType(item: JsonObject): string {
  if (typeof item.type === 'string') return item.type
  return item.role === undefined && typeof item.id === 'string' ? 'item_reference' : 'message'
}

function rewriteItem(draft: Draft, scope: ItemScope): JsonObject | null {
  const { item, names } = scope
  const type = itemType(item)
  switch (type) {
    case 'message':
      return rewriteMessage(draft, scope)
    case 'function_call':
      return rewriteCall(draft, item, names)
    case 'function_call_output':
      return typeof item.call_id === 'string' ? rewriteOutput(draft, scope) : rewriteUncalled(draft, scope)
    case 'reasoning':
      return rewriteReasoning(draft, item)
    case 'custom_tool_call':
    case 'custom_tool_call_output':
      return rewriteCustom(draft, scope, type)
    case 'item_reference':
      return rewriteReference(draft, item)
    case 'compaction':
      return rewriteCompaction(draft, item)
    default:
      return rewriteOther(draft, item, type)
  }
}

/**
 * An item of a built-in tool. The client makes the answers to those, mostly without an id: one that they got here since
 * is not of the form that the provider's own have, and is refused.
 */
function rewriteOther(draft: Draft, item: JsonObject, type: string): JsonObject | null {
  if (admitKind(draft, 'input.builtin_items', type) !== 'send') return null
  const { form } = fieldContract(draft, 'input')
  if (form !== 'without_ids' || !answersWithOptionalId.has(type)) return item
  const { id: _id, ...rest } = item
  return rest
}

/** The gateway has put the items themselves in the place of references by now: one that is left means nothing to anyone. */
function rewriteReference(draft: Draft, item: JsonObject): JsonObject | null {
  if (fieldContract(draft, 'input.item_reference').support !== 'emulated')
    return admit(draft, 'input.item_reference') === 'send' ? item : null
  refuse(
    draft,
    'input.item_reference',
    '"input" refers to an item that is not stored here. Send the item itself.',
  )
  return null
}

/** One that the gateway made has become messages by now: what is left only its maker can read. */
function rewriteCompaction(draft: Draft, item: JsonObject): JsonObject | null {
  const { support, form } = fieldContract(draft, 'input.compaction')
  if (form === 'own_items') return item
  if (support !== 'emulated') return admit(draft, 'input.compaction') === 'send' ? item : null
  refuse(
    draft,
    'input.compaction',
    `"input" holds a compacted context that provider "${draft.target.provider}" cannot read: only its maker can. Send the items themselves, or route the model to the provider that made it.`,
  )
  return null
}

/** A shallow copy with an id that fits every call, without the server's own `id` and `status` where the provider has no use for ours. */
function stripIds(draft: Draft, item: JsonObject, type: string): JsonObject {
  const copy: JsonObject = { ...item, type }
  const { form } = fieldContract(draft, 'input')
  if ((form === 'without_ids' || form === 'plain_text') && itemsWithOptionalId.has(type)) {
    // The servers that want plain messages (vLLM) require an id of reasoning, whichever it is.
    if (type !== 'reasoning' || form !== 'plain_text') delete copy.id
    delete copy.status
  }
  if (typeof copy.call_id === 'string') copy.call_id = shortenCallId(copy.call_id)
  if (copy.id === null) delete copy.id
  if (copy.status === null) delete copy.status
  return copy
}

function rewriteMessage(draft: Draft, { item, images }: ItemScope): JsonObject | null {
  const copy = stripIds(draft, item, 'message')
  if (copy.role === 'developer' && admit(draft, 'input.developer_role') === 'send') {
    const { form } = fieldContract(draft, 'input.developer_role')
    if (form === 'system') {
      copy.role = 'system'
      note(draft, 'input.developer_role', 'mapped', 'system')
    }
  }
  if (copy.phase === null || copy.phase === undefined) delete copy.phase
  else if (admit(draft, 'input.phase') !== 'send') delete copy.phase
  const message = rewriteContent(draft, copy, { member: 'content', images })
  return isPlain(draft) ? toPlainMessage(message) : message
}

/** `{role, content: text}` where every part is text; other messages stay as they are. */
function toPlainMessage(message: JsonObject): JsonObject {
  const { type: _type, content, ...rest } = message
  const text = joinText(content, message.role === 'assistant' ? '' : '\n')
  return text === null ? message : { ...rest, content: text }
}

function rewriteOutput(draft: Draft, { item, images }: ItemScope): JsonObject {
  const copy = rewriteContent(draft, stripIds(draft, item, 'function_call_output'), {
    member: 'output',
    images,
  })
  if (!isPlain(draft)) return copy
  return { ...copy, output: joinText(copy.output, '\n') ?? copy.output }
}

/** What a tool told without having been called: no provider documents it, so it is said as a message of the user's side. */
function rewriteUncalled(draft: Draft, scope: ItemScope): JsonObject | null {
  const { namespace, name, output } = scope.item
  note(draft, 'input', 'mapped', 'an output without call_id to a message')
  const heading = `Output of ${[namespace, name].filter((one) => typeof one === 'string').join('.')}:`
  const parts = Array.isArray(output) ? output : [{ type: 'input_text', text: output }]
  const content = [{ type: 'input_text', text: heading }, ...parts]
  return rewriteMessage(draft, { ...scope, item: { type: 'message', role: 'user', content } })
}

function rewriteCall(draft: Draft, item: JsonObject, names: ToolNames): JsonObject {
  const copy = stripIds(draft, item, 'function_call')
  // Servers that parse the arguments of history fail on nothing at all.
  if (copy.arguments === '') copy.arguments = '{}'
  const { namespace, name } = copy
  if (typeof name !== 'string') return copy
  const isFlat = typeof namespace === 'string' && fieldContract(draft, 'tools.namespace').support !== 'native'
  if (isFlat) delete copy.namespace
  copy.name = names.upstreamName(name, isFlat ? namespace : undefined)
  return copy
}

/** Clients replay reasoning with `content: null`, or without a summary; both are made regular. */
function rewriteReasoning(draft: Draft, item: JsonObject): JsonObject | null {
  if (admit(draft, 'input.reasoning') !== 'send') return null
  const copy: JsonObject = { summary: [], ...stripIds(draft, item, 'reasoning') }
  if (copy.summary === null) copy.summary = []
  if (!hasEntries(copy.content)) delete copy.content
  else if (fieldContract(draft, 'input.reasoning').form === 'without_content') {
    lose(draft, 'input.reasoning', { action: 'dropped', detail: 'content', reason: 'may have no content' })
    delete copy.content
  }
  if (copy.encrypted_content === null || copy.encrypted_content === undefined) delete copy.encrypted_content
  else if (admit(draft, 'input.encrypted_content') !== 'send') delete copy.encrypted_content
  return hasReasoning(draft, copy) ? copy : null
}

/** An item emptied of all that it said is left out; one that only refers to the provider's own memory stays. */
function hasReasoning(draft: Draft, { summary, content, encrypted_content, id }: JsonObject): boolean {
  const refersToMemory = id !== undefined && !isPlain(draft)
  return hasEntries(summary) || hasEntries(content) || encrypted_content !== undefined || refersToMemory
}

function hasEntries(list: unknown): boolean {
  return Array.isArray(list) && list.length > 0
}

/** A custom tool's call becomes a function call with its text as `input`, where only functions are known. */
function rewriteCustom(draft: Draft, { item, names, images }: ItemScope, type: string): JsonObject | null {
  const copy = stripIds(draft, item, type)
  if (admit(draft, 'input.custom_tool_call') !== 'send') return null
  if (fieldContract(draft, 'input.custom_tool_call').form !== 'function_call') return copy
  note(draft, 'input.custom_tool_call', 'mapped', 'function_call')
  // Its id names the other kind.
  delete copy.id
  if (type === 'custom_tool_call_output') return rewriteOutput(draft, { item: copy, names, images })
  const { input, ...call } = copy
  return rewriteCall(draft, { ...call, arguments: wrapCustomInput(input) }, names)
}

/** Metadata without the keys that mean something of their own to the provider. */
export function applyMetadata(draft: Draft, reserved: readonly string[]): void {
  const { metadata } = draft.request
  if (!isObject(metadata) || Object.keys(metadata).length === 0) return
  if (admit(draft, 'metadata') !== 'send') return
  const kept = Object.entries(metadata).filter(([key]) => {
    if (!reserved.includes(key)) return true
    const reason = `must not hold "${key}", which has a meaning of its own`
    lose(draft, 'metadata', { action: 'dropped', detail: key, reason })
    return false
  })
  if (kept.length > 0) draft.body.metadata = Object.fromEntries(kept)
}
