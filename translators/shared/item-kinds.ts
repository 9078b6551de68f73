/**
 * What is known of item kinds besides messages and reasoning: which member streams as deltas, and which events of
 * their own OpenAI's SDKs know. Any other event type makes `openai` 7's `.stream()` throw, so it is never sent.
 */

/** A member of an item that is sent as deltas: `<event>.delta`, `<event>.done`. */
export interface StreamedMember {
  member: 'arguments' | 'input' | 'code'
  event: string
}

const streamedMembers: { readonly [type: string]: StreamedMember } = {
  function_call: { member: 'arguments', event: 'response.function_call_arguments' },
  custom_tool_call: { member: 'input', event: 'response.custom_tool_call_input' },
  mcp_call: { member: 'arguments', event: 'response.mcp_call_arguments' },
  code_interpreter_call: { member: 'code', event: 'response.code_interpreter_call_code' },
}

export function streamedMember(type: string): StreamedMember | null {
  return streamedMembers[type] ?? null
}

/** The item kind whose deltas this event carries (`…delta` or `…done`), or null. */
export function streamedMemberOfEvent(
  eventType: string,
): { itemType: string; moment: 'delta' | 'done' } | null {
  const cut = eventType.lastIndexOf('.')
  const moment = eventType.slice(cut + 1)
  if (moment !== 'delta' && moment !== 'done') return null
  const base = eventType.slice(0, cut)
  for (const itemType in streamedMembers) {
    if (streamedMembers[itemType]?.event === base) return { itemType, moment }
  }
  return null
}

const ownEventMoments: { readonly [type: string]: readonly string[] } = {
  web_search_call: ['in_progress', 'searching', 'completed'],
  file_search_call: ['in_progress', 'searching', 'completed'],
  code_interpreter_call: ['in_progress', 'interpreting', 'completed'],
  image_generation_call: ['in_progress', 'generating', 'completed', 'partial_image'],
  mcp_call: ['in_progress', 'completed', 'failed'],
  mcp_list_tools: ['in_progress', 'completed', 'failed'],
  compaction: ['compacting'],
}

const ownEvents = new Map<string, string>(
  Object.entries(ownEventMoments).flatMap(([type, moments]) =>
    moments.map((moment): [string, string] => [`response.${type}.${moment}`, type]),
  ),
)
for (const moment of ['added', 'delta', 'done']) {
  ownEvents.set(`response.shell_call_command.${moment}`, 'shell_call')
}

/** The item kind that an event of its own belongs to, e.g. `response.web_search_call.searching` → `web_search_call`. */
export function itemTypeOfOwnEvent(eventType: string): string | null {
  return ownEvents.get(eventType) ?? null
}

/** Whether items of this kind show progress between `added` and `done`; the others are sent when they are whole. */
export function hasProgress(type: string): boolean {
  return streamedMembers[type] !== undefined || ownEventMoments[type] !== undefined || type === 'shell_call'
}

/** Calls that the client must answer by name: without one they mean nothing. */
export function needsName(type: string): boolean {
  return type === 'function_call' || type === 'custom_tool_call'
}

/** Items that must carry a `call_id`: clients answer them by it, and OpenAI's SDK throws without one. */
export function needsCallId(type: string): boolean {
  return needsName(type) || type === 'shell_call' || type === 'shell_call_output'
}
