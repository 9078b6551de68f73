/** What a route of the admin API is. The router and `/openapi.json` are both made from the list of them. */
import type { Context } from 'koa'
import type { Static, TObject, TSchema } from 'typebox'
import type { ErrorCode } from '../../errors.ts'

export interface AdminCall<Params extends TObject, Query extends TObject, Body extends TObject> {
  params: Static<Params>
  query: Static<Query>
  body: Static<Body>
  /** For routes that answer something else than JSON. */
  ctx: Context
}

interface RouteHead {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** With parameters in braces, as OpenAPI has them: `/admin/requests/{id}`. */
  path: string
  /** One line. */
  summary: string
  description?: string
  /** Default 200. */
  status?: number
  /** Besides those of every route: `invalid_request`, `invalid_api_key`, `store_unavailable`. */
  errors?: readonly ErrorCode[]
  /** What is answered where that is not JSON made of an object. The handler then writes `ctx.body` or `ctx.res` itself. */
  contentTypes?: readonly string[]
}

export interface RouteDefinition<
  Params extends TObject,
  Query extends TObject,
  Body extends TObject,
  Answer extends TSchema,
> extends RouteHead {
  params?: Params
  /** Members: text, numbers, booleans, lists of words, and records of text (`name[member]=value`). */
  query?: Query
  body?: Body
  answer: Answer
  /** Undefined where `contentTypes` are given. */
  handler(
    call: AdminCall<Params, Query, Body>,
  ): Promise<Static<Answer> | undefined> | Static<Answer> | undefined
}

/** A route whatever its types are. */
export interface AdminRoute extends RouteHead {
  params: TObject | null
  query: TObject | null
  body: TObject | null
  answer: TSchema
  /** `params`, `query` and `body` have passed their schemas. */
  handler(call: { params: unknown; query: unknown; body: unknown; ctx: Context }): unknown
}

/** Ties the handler's types to the schemas. */
export function defineRoute<
  Params extends TObject,
  Query extends TObject,
  Body extends TObject,
  Answer extends TSchema,
>(route: RouteDefinition<Params, Query, Body, Answer>): AdminRoute {
  const { params = null, query = null, body = null, handler } = route
  return {
    ...route,
    params,
    query,
    body,
    handler: (call) => handler(call as AdminCall<Params, Query, Body>),
  }
}
