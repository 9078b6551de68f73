/** What `/admin/requests` answers: the list, one request. */
import Type, { type Static } from 'typebox'
import { cursor, moment, money, nullable } from './kinds.ts'

export const AdminError = Type.Object(
  {
    type: Type.String(),
    code: Type.String(),
    message: Type.String(),
    param: nullable(Type.String()),
    origin: Type.String({ description: '`client`, `gateway` or `upstream`.' }),
  },
  { title: 'AdminError' },
)
export type AdminError = Static<typeof AdminError>

export const AdminAdaptation = Type.Object(
  {
    field: Type.String(),
    action: Type.String({ description: '`mapped`, `emulated`, `clamped` or `dropped`.' }),
    detail: Type.String(),
  },
  { title: 'AdminAdaptation' },
)
export type AdminAdaptation = Static<typeof AdminAdaptation>

const rowMembers = {
  id: Type.String(),
  created_at: moment('When it was admitted.'),
  operation: Type.String({
    description: '`responses.create`, `responses.compact` or `responses.input_tokens`.',
  }),
  project: nullable(Type.String()),
  key: nullable(Type.String({ description: 'The name of the project key.' })),
  model: nullable(Type.String({ description: 'The name that the client asked for.' })),
  provider: nullable(
    Type.String({
      description: 'Of the attempt that answered, else of the last one; null when none was made.',
    }),
  ),
  upstream_model: nullable(Type.String()),
  status: Type.String({
    description:
      "The response's status; `in_progress` until the end (`queued` in the background before a provider is asked), `failed` when the request never became a response.",
  }),
  http_status: nullable(Type.Integer()),
  stream: Type.Boolean(),
  background: Type.Boolean({ description: '`background: true`: it runs without its client.' }),
  input_tokens: nullable(Type.Integer()),
  cached_tokens: nullable(Type.Integer()),
  cache_write_tokens: nullable(
    Type.Integer({ description: "Written to the provider's cache; part of `input_tokens`." }),
  ),
  output_tokens: nullable(Type.Integer()),
  reasoning_tokens: nullable(Type.Integer()),
  total_tokens: nullable(Type.Integer()),
  usage_source: nullable(
    Type.String({ description: '`provider`, `estimated` or null when nothing is known.' }),
  ),
  usage_estimator: nullable(Type.String({ description: 'What counted when `usage_source` is `estimated`.' })),
  cost_usd: nullable(money('Over all attempts; null when it is unknown, and while the request runs.')),
  cost_reason: nullable(
    Type.String({ description: 'Why the cost is unknown: `unknown_model`, `no_usage` or `no_rate`.' }),
  ),
  session_id: nullable(
    Type.String({
      description: "The client's `x-dragoman-session`, else its conversation, else the root of its chain.",
    }),
  ),
  conversation_id: nullable(Type.String()),
  previous_response_id: nullable(Type.String()),
  user: nullable(Type.String({ description: 'The `safety_identifier` or `user` that the client named.' })),
  service_tier: nullable(Type.String()),
  metadata: Type.Record(Type.String(), Type.String(), { description: 'As the client gave it.' }),
  latency_ms: nullable(Type.Number()),
  ttft_ms: nullable(Type.Number()),
  upstream_ms: nullable(Type.Number()),
  overhead_ms: nullable(Type.Number()),
  attempts: Type.Integer({ description: 'Calls made to providers.' }),
  response_id: nullable(Type.String()),
  trace_id: nullable(Type.String()),
  error: nullable(AdminError),
  adaptations: Type.Array(AdminAdaptation),
}

export const AdminRequestRow = Type.Object(rowMembers, { title: 'AdminRequestRow' })
export type AdminRequestRow = Static<typeof AdminRequestRow>

export const AdminRequestList = Type.Object(
  {
    data: Type.Array(AdminRequestRow, { description: 'Newest first.' }),
    next: nullable(cursor('Pass as `before` for the next, older page; null at the end.')),
    previous: nullable(
      cursor('Pass as `after` for the next, newer page; null where this page holds the newest rows.'),
    ),
    searched_to: nullable(
      moment(
        'When the time for one page was over before it was full: everything from here on was seen, and `next` (`previous` with `after`) goes on from here. Else null.',
      ),
    ),
  },
  { title: 'AdminRequestList' },
)
export type AdminRequestList = Static<typeof AdminRequestList>

const absence = Type.Enum(['expired', 'not_kept', 'dropped'], {
  description:
    'Why there is no text: its time was over, the configuration keeps none, or the queue was full.',
})

export const AdminBody = Type.Object(
  {
    text: nullable(
      Type.String({ description: 'JSON or SSE text as it stood on the wire, secrets redacted.' }),
    ),
    bytes: Type.Integer({ description: 'Bytes on the wire, also of what was not kept.' }),
    truncated: Type.Boolean(),
    absent: nullable(absence),
  },
  { title: 'AdminBody' },
)
export type AdminBody = Static<typeof AdminBody>

export const AdminMessage = Type.Object(
  { headers: Type.Record(Type.String(), Type.String()), body: AdminBody },
  { title: 'AdminMessage' },
)
export type AdminMessage = Static<typeof AdminMessage>

export const AdminAttempt = Type.Object(
  {
    index: Type.Integer(),
    provider: Type.String(),
    variant: Type.String(),
    upstream_model: Type.String(),
    url: Type.String(),
    http_status: nullable(Type.Integer()),
    started_ms: Type.Number({ description: "Milliseconds from the request's start." }),
    ttfb_ms: nullable(Type.Number()),
    ttft_ms: nullable(Type.Number()),
    duration_ms: nullable(Type.Number()),
    upstream_response_id: nullable(Type.String()),
    upstream_reported_model: nullable(Type.String()),
    error: nullable(AdminError),
    adaptations: Type.Array(AdminAdaptation),
    request: AdminMessage,
    response: AdminMessage,
  },
  { title: 'AdminAttempt' },
)
export type AdminAttempt = Static<typeof AdminAttempt>

export const AdminCostPart = Type.Object(
  {
    kind: Type.String({
      description: '`input`, `cached_input`, `cache_write`, `output`, `reasoning`, `request` or `image`.',
    }),
    quantity: Type.Number(),
    rate_usd: money('Per million tokens, or per million requests or images.'),
    amount_usd: money('`quantity` × `rate_usd` ÷ 1 000 000, rounded half up to a nano-dollar.'),
  },
  { title: 'AdminCostPart' },
)

export const AdminAttemptCost = Type.Object(
  {
    attempt: Type.Integer({ description: 'From 1.' }),
    provider: Type.String(),
    upstream_model: Type.String(),
    price: nullable(Type.String({ description: 'The version of the price that was taken.' })),
    usage: nullable(Type.String({ description: 'Whose count of tokens it is: `provider` or `estimated`.' })),
    cost_usd: nullable(money('Null when it is not known.')),
    reason: nullable(Type.String()),
    parts: Type.Array(AdminCostPart),
  },
  { title: 'AdminAttemptCost' },
)

/** A request's cost line by line. */
export const AdminCost = Type.Object(
  {
    cost_usd: nullable(money('The sum over the attempts; null as soon as one of them is unknown.')),
    reason: nullable(Type.String()),
    estimated: Type.Boolean({ description: 'Whether a part of it rests on estimated usage.' }),
    attempts: Type.Array(AdminAttemptCost),
  },
  { title: 'AdminCost' },
)
export type AdminCost = Static<typeof AdminCost>

export const AdminRequest = Type.Object(
  {
    ...rowMembers,
    client_request_id: nullable(Type.String({ description: "The client's own `x-request-id`." })),
    user_agent: nullable(Type.String()),
    client_address: nullable(Type.String()),
    bodies_absent: nullable(absence),
    client_request: nullable(AdminMessage),
    upstream_request: nullable(AdminMessage),
    upstream_response: nullable(AdminMessage),
    client_response: nullable(AdminMessage),
    attempt_list: Type.Array(AdminAttempt, { description: 'Every attempt in order, bodies included.' }),
    cost: nullable(AdminCost),
    matched_by: Type.Enum(
      ['request', 'response', 'client_request', 'upstream_response_or_item', 'trace', 'stored_item'],
      { description: 'Which kind of id was given.' },
    ),
    matches: Type.Array(AdminRequestRow, {
      description: 'When the id stands in several requests: all of them, this one first; at most 100.',
    }),
  },
  {
    title: 'AdminRequest',
    description:
      'The row and everything kept with it. `upstream_*` are of the attempt that answered, else of the last one.',
  },
)
export type AdminRequest = Static<typeof AdminRequest>
