/** How a response ends: the two families of status words, and what they mean together with `incomplete_details`. */
import { isObject, type JsonObject } from '../shared/canonical.ts'

export interface Ending {
  status: 'completed' | 'incomplete' | 'failed'
  /** For `incomplete`. */
  reason: string
  /** Whether the body says that nothing more is to come. */
  isFinished: boolean
}

/** Words for a response that is still to come; anything else counts as finished. */
const unfinished = new Set([
  'queued',
  'in_progress',
  'pending',
  'running',
  'processing',
  'created',
  'starting',
])

export function isUnfinished(status: unknown): boolean {
  return typeof status === 'string' && unfinished.has(status.toLowerCase())
}

/** Reads the status of a response object. `completed` with `incomplete_details` means incomplete. */
export function readEnding(body: JsonObject): Ending {
  const status = typeof body.status === 'string' ? body.status.toLowerCase() : ''
  const isFinished = status !== '' && !unfinished.has(status)
  const details = isObject(body.incomplete_details) ? body.incomplete_details : null
  const reason =
    typeof details?.reason === 'string' && details.reason !== '' ? details.reason : 'max_output_tokens'
  if (status === 'failed' || status === 'error' || status === 'cancelled' || status === 'canceled') {
    return { status: 'failed', reason, isFinished }
  }
  if (isObject(body.error) && !isFinished) return { status: 'failed', reason, isFinished: true }
  if (status === 'incomplete' || details !== null) return { status: 'incomplete', reason, isFinished }
  return { status: 'completed', reason, isFinished }
}

const terminalEvents: { readonly [type: string]: string } = {
  'response.completed': 'completed',
  'response.done': 'completed',
  'response.incomplete': 'incomplete',
  'response.failed': 'failed',
  'response.cancelled': 'cancelled',
  'response.canceled': 'cancelled',
}

/** The status that a terminal event implies when its response object lacks one; null for any other event. */
export function readTerminalEvent(type: string): string | null {
  return terminalEvents[type] ?? null
}
