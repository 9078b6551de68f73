/**
 * Every attribute name that a span of the gateway may have: those of OpenTelemetry's GenAI conventions v1.41 and of its
 * HTTP conventions, to the letter, and our own under `dragoman.`. Dashboards and alerts are built on them.
 */

/** Of any request, also one that no process got over HTTP: a background response that a later one goes on with. */
const ofEach = [
  'dragoman.request.id',
  'dragoman.response.id',
  'dragoman.project',
  'dragoman.model',
  'dragoman.provider',
  'dragoman.attempts',
  'dragoman.status',
  'dragoman.stream',
  'dragoman.background',
  'error.type',
]

export const spanNames = {
  CONSUMER: ofEach,
  SERVER: [
    ...ofEach,
    'http.request.method',
    'http.route',
    'http.response.status_code',
    'url.path',
    'url.scheme',
    'network.protocol.name',
    'client.address',
    'user_agent.original',
  ],
  CLIENT: [
    'gen_ai.operation.name',
    'gen_ai.provider.name',
    'gen_ai.conversation.id',
    'gen_ai.output.type',
    'gen_ai.request.model',
    'gen_ai.request.stream',
    'gen_ai.request.max_tokens',
    'gen_ai.request.temperature',
    'gen_ai.request.top_p',
    'gen_ai.request.frequency_penalty',
    'gen_ai.request.presence_penalty',
    'gen_ai.response.id',
    'gen_ai.response.model',
    'gen_ai.response.finish_reasons',
    'gen_ai.response.time_to_first_chunk',
    'gen_ai.usage.input_tokens',
    'gen_ai.usage.output_tokens',
    'gen_ai.usage.cache_read.input_tokens',
    'gen_ai.usage.cache_creation.input_tokens',
    'gen_ai.usage.reasoning.output_tokens',
    'openai.api.type',
    'openai.request.service_tier',
    'openai.response.service_tier',
    'server.address',
    'server.port',
    'http.response.status_code',
    'error.type',
    'dragoman.variant',
    'dragoman.attempt',
  ],
} as const satisfies Record<string, readonly string[]>

/** Of CLIENT spans, where the operator opted in. */
export const contentNames = [
  'gen_ai.system_instructions',
  'gen_ai.input.messages',
  'gen_ai.output.messages',
  'gen_ai.tool.definitions',
] as const

export const eventNames: Record<string, readonly string[]> = {
  'dragoman.first_output': [],
  'dragoman.adaptation': [
    'dragoman.adaptation.field',
    'dragoman.adaptation.action',
    'dragoman.adaptation.detail',
  ],
}
