/** What goes over the wire in the bench: the size of an ordinary chat turn, about 2 KB each way. */

/** Deltas of one stream. */
export const deltaCount = 100

/** Milliseconds between two deltas of the model `mock-slow`. */
export const slowDelay = 20

const sentence = 'A gateway earns its place by being forgotten: it must add nothing that anybody can feel. '

/** The body of one request. */
export function createRequestBody(model: 'mock' | 'mock-slow', stream: boolean): string {
  return JSON.stringify({
    model,
    stream,
    instructions: sentence.repeat(4),
    input: [{ role: 'user', content: [{ type: 'input_text', text: sentence.repeat(12) }] }],
    max_output_tokens: 1000,
    temperature: 0.7,
    metadata: { purpose: 'bench' },
  })
}

function createResponse(status: 'in_progress' | 'completed', output: unknown[]): object {
  return {
    id: 'resp_0f3a5d1c9b7e4826a1d0c3b5e7f90214',
    object: 'response',
    created_at: 1_790_000_000,
    completed_at: status === 'completed' ? 1_790_000_002 : null,
    status,
    background: false,
    error: null,
    incomplete_details: null,
    instructions: sentence.repeat(4),
    max_output_tokens: 1000,
    max_tool_calls: null,
    model: 'mock',
    output,
    parallel_tool_calls: true,
    presence_penalty: 0,
    frequency_penalty: 0,
    previous_response_id: null,
    prompt_cache_key: null,
    reasoning: { effort: null, summary: null },
    safety_identifier: null,
    service_tier: 'default',
    store: false,
    temperature: 0.7,
    text: { format: { type: 'text' } },
    tool_choice: 'auto',
    tools: [],
    top_logprobs: 0,
    top_p: 1,
    truncation: 'disabled',
    usage: status === 'completed' ? usage : null,
    metadata: { purpose: 'bench' },
  }
}

const usage = {
  input_tokens: 320,
  input_tokens_details: { cached_tokens: 64 },
  output_tokens: deltaCount,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 320 + deltaCount,
}
const itemId = 'msg_7c1e5a90d2b84f36'

function createPart(text: string) {
  return { type: 'output_text', text, annotations: [], logprobs: [] }
}

function createMessage(status: string, content: object[]) {
  return { id: itemId, type: 'message', status, role: 'assistant', content }
}

/** The answer to a request that does not stream. */
export function createJsonAnswer(): string {
  return JSON.stringify(
    createResponse('completed', [createMessage('completed', [createPart(sentence.repeat(12))])]),
  )
}

/** The answer to a request that streams: complete SSE events, the deltas apart. */
export function createStreamAnswer(): { head: string; deltas: string[]; tail: string } {
  let sequence = 0
  const render = (type: string, members: object) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...members })}\n\n`
  const place = { item_id: itemId, output_index: 0, content_index: 0 }
  const head = [
    render('response.created', { response: createResponse('in_progress', []) }),
    render('response.in_progress', { response: createResponse('in_progress', []) }),
    render('response.output_item.added', { output_index: 0, item: createMessage('in_progress', []) }),
    render('response.content_part.added', { ...place, part: createPart('') }),
  ].join('')
  const words = Array.from({ length: deltaCount }, (_, index) => ` word${index}`)
  const deltas = words.map((delta) => render('response.output_text.delta', { ...place, delta, logprobs: [] }))
  const text = words.join('')
  const message = createMessage('completed', [createPart(text)])
  const tail = [
    render('response.output_text.done', { ...place, text, logprobs: [] }),
    render('response.content_part.done', { ...place, part: createPart(text) }),
    render('response.output_item.done', { output_index: 0, item: message }),
    render('response.completed', { response: createResponse('completed', [message]) }),
  ].join('')
  return { head, deltas, tail }
}
