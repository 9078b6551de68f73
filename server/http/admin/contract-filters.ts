/** What `/admin/requests` can be asked: the filters of list, live tail and export. */
import Type, { type Static } from 'typebox'
import { count, cursor, dollars, milliseconds, text, time } from './kinds.ts'

export const requestStatuses = [
  'queued',
  'in_progress',
  'completed',
  'incomplete',
  'failed',
  'cancelled',
] as const
export const errorOrigins = ['client', 'gateway', 'upstream'] as const
export const operations = ['responses.create', 'responses.compact', 'responses.input_tokens'] as const

/** Filters of the list, the live tail and the export, joined by "and". */
export const requestFilters = {
  from: Type.Optional(time('Requests admitted at this time or later.')),
  to: Type.Optional(time('Requests admitted before this time.')),
  project: Type.Optional(text('The project.')),
  key: Type.Optional(text('The name of the project key.')),
  model: Type.Optional(text('The model that the client asked for.')),
  provider: Type.Optional(text('The provider that answered, else the last one asked.')),
  upstream_model: Type.Optional(text('The model that the provider was asked for.')),
  status: Type.Optional(
    Type.Array(Type.Enum([...requestStatuses, 'error']), {
      minItems: 1,
      description: 'One or several; `error` stands for every request with an error.',
    }),
  ),
  error_code: Type.Optional(text("The error's code.")),
  error_origin: Type.Optional(Type.Enum([...errorOrigins], { description: 'Whose fault the error is.' })),
  stream: Type.Optional(Type.Boolean({ description: 'Whether a stream was asked for.' })),
  background: Type.Optional(Type.Boolean({ description: 'Whether it ran in the background.' })),
  operation: Type.Optional(Type.Enum([...operations], { description: 'What was called.' })),
  min_total_tokens: Type.Optional(count('Tokens in all, at least.')),
  max_total_tokens: Type.Optional(count('Tokens in all, at most.')),
  min_input_tokens: Type.Optional(count('Input tokens, at least.')),
  max_input_tokens: Type.Optional(count('Input tokens, at most.')),
  min_output_tokens: Type.Optional(count('Output tokens, at least.')),
  max_output_tokens: Type.Optional(count('Output tokens, at most.')),
  min_cost_usd: Type.Optional(dollars('Cost, at least. An unknown cost never matches.')),
  max_cost_usd: Type.Optional(dollars('Cost, at most. An unknown cost never matches.')),
  min_latency_ms: Type.Optional(milliseconds('Latency, at least.')),
  max_latency_ms: Type.Optional(milliseconds('Latency, at most.')),
  min_ttft_ms: Type.Optional(milliseconds('Time to the first output, at least.')),
  max_ttft_ms: Type.Optional(milliseconds('Time to the first output, at most.')),
  metadata: Type.Optional(
    Type.Record(Type.String(), Type.String(), {
      description:
        "Pairs of the request's metadata, written as `metadata[name]=value`. The list finds requests by it once they have ended.",
    }),
  ),
  user: Type.Optional(text('The `safety_identifier` or `user` that the client named.')),
  session: Type.Optional(text('The session, with the request whose response is its root.')),
  conversation: Type.Optional(text('The conversation.')),
  unpriced: Type.Optional(
    Type.Boolean({ description: 'true: only requests whose cost is unknown; false: none of them.' }),
  ),
}

const fullText = {
  q: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 512,
      description:
        'Words that input, instructions, output or error message hold, all of them, once it has ended.',
    }),
  ),
}

export const AdminRequestsQuery = Type.Object({
  ...requestFilters,
  ...fullText,
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 500, default: 50, description: 'Rows in a page.' }),
  ),
  before: Type.Optional(cursor('A cursor from `next`: rows older than it.')),
  after: Type.Optional(cursor('A cursor from `previous`: rows newer than it, the nearest.')),
})
export type AdminRequestsQuery = Static<typeof AdminRequestsQuery>

/** A query as it is written in a URL: lists are joined by commas. */
export type AdminParameters<Query> = {
  [Name in Exclude<keyof Query, 'metadata'>]?: string | number | boolean
} & { [pair: `metadata[${string}]`]: string }

export const AdminExportQuery = Type.Object({
  ...requestFilters,
  ...fullText,
  format: Type.Enum(['csv', 'jsonl'], { description: 'What is written.' }),
})
export type AdminExportQuery = Static<typeof AdminExportQuery>

export const AdminTailQuery = Type.Object(requestFilters)
export type AdminTailQuery = Static<typeof AdminTailQuery>
