/** What a request has to do with kept state, read from its row and from what was recorded of it. */

import type { AdminAdaptation, AdminMessage, AdminRequest } from '../../server/http/admin/contract.ts'

/** What the gateway does for clients whatever the provider can take, in words. */
const stateWords: Readonly<Record<string, string>> = {
  previous_response_id: 'the earlier turns of the chain were put before the input',
  conversation: 'the items of the conversation were put before the input',
  'input.item_reference': 'the items that the input refers to were put in their places',
  'input.compaction': 'a compaction was told as what it stands for',
  prompt: 'the template was filled in',
  background: 'the gateway ran the response, and the provider was called as for any other',
  idempotency: 'the answer of an earlier call with the same key was given again, and no provider was called',
}

export interface AdaptationGroups {
  /** Done by the gateway with what it keeps. */
  state: AdminAdaptation[]
  /** To what the provider can take. */
  changes: AdminAdaptation[]
}

export function groupAdaptations(adaptations: readonly AdminAdaptation[]): AdaptationGroups {
  const isState = ({ field, action }: AdminAdaptation) =>
    action === 'emulated' && Object.hasOwn(stateWords, field)
  return {
    state: adaptations.filter(isState),
    changes: adaptations.filter((adaptation) => !isState(adaptation)),
  }
}

/** What was done, in words. */
export function describeState({ field }: AdminAdaptation): string {
  return stateWords[field] ?? ''
}

export function isReplayed({ adaptations }: Pick<AdminRequest, 'adaptations'>): boolean {
  return adaptations.some(({ field, detail }) => field === 'idempotency' && detail === 'replayed')
}

/** Whether it has still to end. */
export function isRunning({ status }: Pick<AdminRequest, 'status'>): boolean {
  return status === 'in_progress' || status === 'queued'
}

/** What a request goes on from; members are null when there is none, or bodies are not kept. */
export interface Continued {
  responseId: string | null
  conversationId: string | null
}

export function readContinued({ client_request: message }: AdminRequest): Continued {
  const body = parseBody(message)
  const { previous_response_id: responseId, conversation } = body
  const conversationId = isObject(conversation) ? conversation.id : conversation
  return { responseId: toText(responseId), conversationId: toText(conversationId) }
}

/** The response that a replayed answer holds, so that the first call can be found. */
export function readReplayedId({ client_response: message }: AdminRequest): string | null {
  return /"id":"(resp_\w+)"/.exec(message?.body.text?.slice(0, 2000) ?? '')?.[1] ?? null
}

/** Whether the request was a turn of a WebSocket: it has the headers of the connection's upgrade. */
export function isSocketTurn({ client_request: message }: AdminRequest): boolean {
  return message?.headers.upgrade?.toLowerCase() === 'websocket'
}

function parseBody(message: AdminMessage | null): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(message?.body.text ?? '')
    return isObject(body) ? body : {}
  } catch {
    return {} // cut, or never JSON
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function toText(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}
