/** Why a model stopped, in the words of OpenAI's chat completions, which OpenTelemetry's conventions go by. */
import type { CanonicalResponse } from '../../translators/shared/canonical.ts'

/** `error`: it did not come to an end of its own. */
export type FinishReason = 'stop' | 'length' | 'content_filter' | 'tool_calls' | 'error'

/** Items by which a model hands over to the client, which has to answer them. */
const clientCalls = new Set([
  'function_call',
  'custom_tool_call',
  'computer_call',
  'local_shell_call',
  'shell_call',
  'apply_patch_call',
  'mcp_approval_request',
])

/** Null while it is not over, and where somebody else stopped it. */
export function readFinishReason({
  status,
  incomplete_details: details,
  output,
}: Pick<CanonicalResponse, 'status' | 'incomplete_details' | 'output'>): FinishReason | null {
  if (status === 'failed') return 'error'
  if (status === 'incomplete') {
    if (details?.reason === 'content_filter') return 'content_filter'
    return details?.reason === 'max_tool_calls' ? 'tool_calls' : 'length'
  }
  if (status !== 'completed') return null
  return output.some(({ type }) => clientCalls.has(type)) ? 'tool_calls' : 'stop'
}
