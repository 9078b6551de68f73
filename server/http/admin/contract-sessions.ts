/** `/admin/sessions`: requests that belong together. */
import Type, { type Static } from 'typebox'
import { cursor, moment, money, nullable, text, time } from './kinds.ts'

export const AdminSessionsQuery = Type.Object({
  from: Type.Optional(time('Sessions with a request at this time or later.')),
  to: Type.Optional(time('Sessions with a request before this time.')),
  project: Type.Optional(text('The project.')),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 500, default: 50, description: 'Rows in a page.' }),
  ),
  before: Type.Optional(cursor('A cursor from `next`.')),
})
export type AdminSessionsQuery = Static<typeof AdminSessionsQuery>

const sessionMembers = {
  id: Type.String({
    description:
      "The client's `x-dragoman-session`, else its conversation, else the root response of a chain.",
  }),
  project: nullable(Type.String()),
  started_at: moment('Of its first request that is kept.'),
  last_at: moment('Of its last request.'),
  requests: Type.Integer(),
  errors: Type.Integer(),
  input_tokens: Type.Integer(),
  output_tokens: Type.Integer(),
  total_tokens: Type.Integer({ description: 'Input and output tokens that providers reported.' }),
  estimated_tokens: Type.Integer({ description: 'Those that the gateway counted instead.' }),
  cost_usd: nullable(money('Over the requests whose cost is known. Null when the cost of none is known.')),
  unpriced: Type.Integer({ description: 'Requests whose cost is unknown.' }),
  last_status: Type.String({ description: 'Of its last request.' }),
  models: Type.Array(Type.String(), { description: 'Of its newest requests.' }),
}

export const AdminSession = Type.Object(sessionMembers, { title: 'AdminSession' })
export type AdminSession = Static<typeof AdminSession>

export const AdminSessionList = Type.Object(
  {
    data: Type.Array(AdminSession, { description: 'By their last request, newest first.' }),
    next: nullable(cursor('Pass as `before` for the next page; null at the end.')),
  },
  { title: 'AdminSessionList' },
)
export type AdminSessionList = Static<typeof AdminSessionList>
