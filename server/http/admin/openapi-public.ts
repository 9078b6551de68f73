/** The routes beside `/admin`, as `/openapi.json` lists them. */

type Json = Record<string, unknown>

const json = (description: string, schema: Json = { type: 'object' }) => ({
  description,
  content: { 'application/json': { schema } },
})
const error = {
  description: 'An error of the contract.',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
}

/** What stands in the specification is not said again. */
const externalDocs = {
  description: 'The specification of the Responses contract',
  url: 'https://www.openresponses.org',
}

interface Kept {
  summary: string
  body?: boolean
  /** Also `text/event-stream`. */
  streams?: boolean
}

function describe(path: string, { summary, body = false, streams = false }: Kept): Json {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
  const answer = json(summary)
  const content = streams
    ? { ...answer.content, 'text/event-stream': { schema: { type: 'string' } } }
    : answer.content
  return {
    tags: ['v1'],
    summary,
    externalDocs,
    security: [{ projectKey: [] }, { adminKey: [] }, {}],
    ...(names.length > 0 && {
      parameters: names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    }),
    ...(body && { requestBody: { content: { 'application/json': { schema: { type: 'object' } } } } }),
    responses: { 200: { ...answer, content }, default: error },
  }
}

const contract: Record<string, Record<string, Kept>> = {
  '/v1/responses': { post: { summary: 'Creates a response.', body: true, streams: true } },
  '/v1/responses/compact': { post: { summary: 'Makes an input shorter.', body: true } },
  '/v1/responses/input_tokens': { post: { summary: 'Counts the tokens of an input.', body: true } },
  '/v1/responses/{id}': {
    get: { summary: 'A response that is kept, or its events from one on.', streams: true },
    delete: { summary: 'Removes a response.' },
  },
  '/v1/responses/{id}/cancel': { post: { summary: 'Cancels a background response.' } },
  '/v1/responses/{id}/input_items': { get: { summary: 'The items that a response was given.' } },
  '/v1/conversations': { post: { summary: 'Creates a conversation.', body: true } },
  '/v1/conversations/{id}': {
    get: { summary: 'A conversation.' },
    post: { summary: 'Changes the metadata of a conversation.', body: true },
    delete: { summary: 'Removes a conversation.' },
  },
  '/v1/conversations/{id}/items': {
    get: { summary: 'The items of a conversation.' },
    post: { summary: 'Adds items to a conversation.', body: true },
  },
  '/v1/conversations/{id}/items/{item}': {
    get: { summary: 'An item of a conversation.' },
    delete: { summary: 'Removes an item of a conversation.' },
  },
  '/v1/models': { get: { summary: 'The models that can be asked for.' } },
  '/v1/models/{id}': { get: { summary: 'One model.' } },
}

const state = {
  type: 'object',
  required: ['status'],
  properties: { status: { type: 'string' }, problems: { type: 'array', items: { type: 'string' } } },
}

const operation: Record<string, Json> = {
  '/healthz': {
    get: {
      tags: ['operation'],
      summary: 'Whether the process is alive.',
      security: [],
      responses: { 200: json('Alive.', state) },
    },
  },
  '/readyz': {
    get: {
      tags: ['operation'],
      summary: 'Whether requests can be served well, and why not.',
      security: [],
      responses: { 200: json('Ready.', state), 503: json('Not ready.', state) },
    },
  },
  '/metrics': {
    get: {
      tags: ['operation'],
      summary: 'Figures for Prometheus.',
      security: [],
      responses: {
        200: {
          description: 'As text, or as OpenMetrics when that is asked for.',
          content: {
            'text/plain': { schema: { type: 'string' } },
            'application/openmetrics-text': { schema: { type: 'string' } },
          },
        },
      },
    },
  },
  '/config.schema.json': {
    get: {
      tags: ['operation'],
      summary: 'The JSON Schema of the configuration.',
      security: [],
      responses: { 200: json('A JSON Schema.') },
    },
  },
  '/openapi.json': {
    get: {
      tags: ['operation'],
      summary: 'This document.',
      security: [],
      responses: { 200: json('OpenAPI 3.1.') },
    },
  },
}

export const publicPaths: Readonly<Record<string, Json>> = {
  ...Object.fromEntries(
    Object.entries(contract).map(([path, methods]) => [
      path,
      Object.fromEntries(Object.entries(methods).map(([method, kept]) => [method, describe(path, kept)])),
    ]),
  ),
  ...operation,
}
