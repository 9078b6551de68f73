/** `/openapi.json`: what the gateway takes and answers, made from the same routes and schemas that serve it. */
import type { TObject, TSchema } from 'typebox'
import { type ErrorCode, errorKinds } from '../../errors.ts'
import { publicPaths } from './openapi-public.ts'
import type { AdminRoute } from './route.ts'

type Json = Record<string, unknown>

/** An OpenAPI 3.1 document. */
export function describeApi(routes: readonly AdminRoute[], version: string): Json {
  const schemas: Json = { Error: errorSchema }
  const paths: Record<string, Json> = {}
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: describeRoute(route, schemas) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Dragoman',
      version,
      description:
        'A gateway for LLM traffic. `/v1` speaks the Responses contract; `/admin` reads the record of it and manages what the gateway keeps.',
    },
    paths: { ...paths, ...publicPaths },
    components: {
      schemas,
      securitySchemes: {
        adminKey: {
          type: 'apiKey',
          in: 'header',
          name: 'X-Admin-Key',
          description: 'Not asked for on loopback while no admin key is configured.',
        },
        projectKey: { type: 'http', scheme: 'bearer', description: 'A key of a project.' },
      },
    },
  }
}

const errorSchema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'param', 'code'],
      properties: {
        message: { type: 'string', description: 'Says what to do.' },
        type: { type: 'string' },
        param: { type: ['string', 'null'], description: 'The parameter or member at fault.' },
        code: { type: ['string', 'null'] },
      },
    },
  },
}

/** Errors that any route can answer with. */
const everyError: readonly ErrorCode[] = ['invalid_api_key', 'store_unavailable']

function describeRoute(route: AdminRoute, schemas: Json): Json {
  const { method, path, summary, description, params, query, body, errors = [] } = route
  const takes = params !== null || query !== null || body !== null
  const codes = [...(takes ? (['invalid_request'] as const) : []), ...everyError, ...errors]
  const parameters = [...describeParameters(params, 'path'), ...describeParameters(query, 'query')]
  return {
    operationId: nameOperation(method, path),
    tags: [path.split('/')[2] ?? ''],
    summary,
    ...(description !== undefined && { description }),
    security: [{ adminKey: [] }, {}],
    ...(parameters.length > 0 && { parameters }),
    ...(body !== null && {
      requestBody: { required: true, content: { 'application/json': { schema: hoist(body, schemas) } } },
    }),
    responses: { [route.status ?? 200]: describeAnswer(route, schemas), ...describeErrors(codes) },
  }
}

/** `GET /admin/requests/{id}` → `getAdminRequestsById`. */
function nameOperation(method: string, path: string): string {
  const words = path
    .replaceAll(/\{(\w+)\}/g, 'by/$1')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '')
  const capitals = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1))
  return `${method.toLowerCase()}${capitals.join('')}`
}

function describeParameters(schema: TObject | null, place: 'path' | 'query'): Json[] {
  const required = new Set((schema?.required ?? []) as string[])
  return Object.entries((schema?.properties ?? {}) as Record<string, TSchema>).map(([name, property]) => {
    const { description, ...rest } = toJson(property)
    return {
      name,
      in: place,
      required: place === 'path' || required.has(name),
      ...(description !== undefined && { description }),
      ...styleOf(rest),
      schema: rest,
    }
  })
}

/** Lists may be repeated or separated by commas; records are written `name[member]=value`. */
function styleOf(schema: Json): Json {
  if (schema.type === 'array') return { style: 'form', explode: true }
  return schema.type === 'object' ? { style: 'deepObject', explode: true } : {}
}

function describeAnswer(
  { summary, answer, contentTypes = ['application/json'] }: AdminRoute,
  schemas: Json,
): Json {
  const content = contentTypes.map((type): [string, Json] => [
    type,
    type === 'application/json' ? { schema: hoist(answer, schemas) } : { schema: { type: 'string' } },
  ])
  return { description: summary, content: Object.fromEntries(content) }
}

function describeErrors(codes: readonly ErrorCode[]): Json {
  const byStatus = Map.groupBy(codes, (code) => errorKinds[code].status)
  return Object.fromEntries(
    [...byStatus].map(([status, found]) => [
      status,
      {
        description: [...new Set(found)].map((code) => `\`${code}\``).join(', '),
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    ]),
  )
}

/** The schema with everything that has a title put among the components and referred to. */
function hoist(schema: TSchema, schemas: Json): unknown {
  const visit = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(visit)
    if (typeof node !== 'object' || node === null) return node
    const entries = Object.entries(node).map(([name, value]) => [name, visit(value)])
    const plain = Object.fromEntries(entries) as Json
    const { title, ...rest } = plain
    if (typeof title !== 'string' || plain.type !== 'object') return plain
    schemas[title] = rest
    return { $ref: `#/components/schemas/${title}` }
  }
  return visit(toJson(schema))
}

/** Without what TypeBox keeps beside the schema. */
function toJson(schema: TSchema): Json {
  return JSON.parse(JSON.stringify(schema)) as Json
}
