/** Constraints on the output that the gateway enforces itself: which items may pass. */
import { type Item, isToolCallItem, type JsonObject } from './canonical.ts'
import { makeFailure } from './failures.ts'
import { needsName } from './item-kinds.ts'
import type { Context, OwnTool, UpstreamFailure } from './translator.ts'

/** What has passed and what has not, so far. */
export interface GuardState {
  /** Tool calls of every kind that passed. */
  toolCalls: number
  /** Calls that the client is to answer (functions, custom tools) that passed. */
  clientCalls: number
  dropped: number
  /** Calls that nobody could answer, because the provider never told their names. */
  unusable: number
  /** Outputs that belong to these leave no trace either. */
  droppedCallIds: Set<string>
}

/** The guard that an item meets, for the adaptations; null when it may pass. */
export function admitItem(
  sent: Context['sent'],
  state: GuardState,
  type: string,
  item: JsonObject,
): { field: string; detail: string } | null {
  const callId = typeof item.call_id === 'string' ? item.call_id : null
  if (type.endsWith('_call_output') && callId !== null && state.droppedCallIds.has(callId)) {
    return { field: 'tools', detail: 'output of a call that was dropped' }
  }
  if (!isToolCallItem(type)) return null
  const refusal = findRefusal(sent, state, type, item)
  if (refusal !== null) {
    state.dropped++
    if (callId !== null) state.droppedCallIds.add(callId)
    return refusal
  }
  state.toolCalls++
  if (needsName(type)) state.clientCalls++
  return null
}

function findRefusal(
  { guards }: Context['sent'],
  state: GuardState,
  type: string,
  item: JsonObject,
): { field: string; detail: string } | null {
  if (needsName(type) && guards.allowedTools !== undefined) {
    if (!guards.allowedTools.includes(String(item.name)))
      return { field: 'tool_choice', detail: 'a call that is not allowed was dropped' }
  }
  if (guards.parallelToolCalls === false && needsName(type) && state.clientCalls > 0) {
    return { field: 'parallel_tool_calls', detail: 'only the first call was kept' }
  }
  if (guards.maxToolCalls !== undefined && state.toolCalls >= guards.maxToolCalls) {
    return { field: 'max_tool_calls', detail: 'calls past the limit were dropped' }
  }
  return null
}

/** Why nothing but thoughts is left, without a message or a call: null when the model meant it so. */
export function findEmptiness(state: GuardState, output: readonly Item[]): UpstreamFailure | null {
  if (output.some((item) => item.type !== 'reasoning')) return null
  if (state.dropped > 0) {
    return makeFailure(
      'tool_call_not_allowed',
      'The model answered only with tool calls that this request does not allow.',
    )
  }
  if (state.unusable === 0) return null
  return makeFailure('upstream_invalid_response', 'The model called a tool without naming it.')
}

/** The client's own tool of an upstream name. The model may say anything, `constructor` too: only own members count. */
export function findOwnTool(toolNames: Context['sent']['toolNames'], name: unknown): OwnTool | null {
  return typeof name === 'string' && Object.hasOwn(toolNames, name) ? (toolNames[name] ?? null) : null
}
