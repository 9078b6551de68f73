/** The options of the process itself: where it listens, what it keeps, its limits. */
import type { SchemaNode } from './schema-node.ts'
import { retentionSchema } from './schema-retention.ts'

export const listenSchema = {
  type: 'object',
  description: 'Where the gateway listens. --host, --port, HOST and PORT override it.',
  default: {},
  properties: {
    host: {
      type: 'string',
      description:
        'An address or a host name. Other than loopback only with an admin key and at least one project key.',
      minLength: 1,
      default: '127.0.0.1',
    },
    port: {
      type: 'integer',
      description: 'A TCP port; 0 takes any free one.',
      minimum: 0,
      maximum: 65_535,
      default: 8787,
    },
  },
  additionalProperties: false,
} as const satisfies SchemaNode

export const STORE_PATTERN = '^(sqlite:.|postgres(ql)?://)'

export const storeSchema = {
  type: 'object',
  description: 'Where requests are recorded.',
  default: {},
  properties: {
    url: {
      type: 'string',
      description:
        '"sqlite:" and a file, relative to the working directory, for one gateway; "postgres://user:password@host/database" for up to 64 of them, with at most 8 connections each, and the options ?sslmode= and ?sslrootcert= as PostgreSQL has them and ?schema= (default: public) for tables beside those of others; or "sqlite::memory:", which is gone when the process ends.',
      pattern: STORE_PATTERN,
      default: 'sqlite:data/dragoman.db',
    },
  },
  additionalProperties: false,
} as const satisfies SchemaNode

const MAX_WAIT = 86_400_000

export const limitsSchema = {
  type: 'object',
  description: 'What one client may ask of the process.',
  default: {},
  properties: {
    bodyBytes: {
      type: 'integer',
      description: 'Bytes of a request body; more is answered 413.',
      minimum: 1,
      maximum: 1_073_741_824,
      default: 33_554_432,
    },
    headersTimeout: {
      type: 'integer',
      description: 'Milliseconds a client may take to send its headers.',
      minimum: 1,
      maximum: MAX_WAIT,
      default: 30_000,
    },
    bodyIdleTimeout: {
      type: 'integer',
      description: 'Milliseconds without a byte of an unfinished request body, then 408.',
      minimum: 1,
      maximum: MAX_WAIT,
      default: 60_000,
    },
    keepAliveTimeout: {
      type: 'integer',
      description: 'Milliseconds an idle connection stays open for the next request.',
      minimum: 1,
      maximum: MAX_WAIT,
      default: 65_000,
    },
    drainTimeout: {
      type: 'integer',
      description: 'Milliseconds that requests in flight get to end when the process is told to stop.',
      minimum: 0,
      maximum: MAX_WAIT,
      default: 30_000,
    },
  },
  additionalProperties: false,
} as const satisfies SchemaNode

export const logSchema = {
  type: 'object',
  description: 'What is recorded of each request.',
  default: {},
  properties: {
    bodies: {
      type: 'string',
      description:
        'Beside the row that every request has. "full": headers and bodies of both sides, secrets redacted. "metadata": headers and sizes, no body. "none": neither these nor the client\'s address and user agent.',
      enum: ['full', 'metadata', 'none'],
      default: 'full',
    },
    maxBodyBytes: {
      type: 'integer',
      description: 'Bytes kept of each body, when its media are out of it; the rest is cut and marked.',
      minimum: 0,
      maximum: 67_108_864,
      default: 1_048_576,
    },
    media: {
      type: 'boolean',
      description:
        'Whether pictures, files and recordings (base64 from 4 KB on) are taken out of the bodies and stored once each, whatever number of requests holds them. The body keeps a reference.',
      default: true,
    },
    maxMediaBytes: {
      type: 'integer',
      description:
        'Bytes held of each body until its media are out of it, where that is more than maxBodyBytes; the rest is cut and marked.',
      minimum: 0,
      maximum: 268_435_456,
      default: 16_777_216,
    },
    search: {
      type: 'boolean',
      description:
        'Whether requests can be found by the words of their input, instructions, output and error: of each up to 32,768 characters, the answer first, then the newest input; of the instructions 2,048. Only where bodies are kept in full.',
      default: true,
    },
    queueRows: {
      type: 'integer',
      description: 'Rows that may wait to be written; past it rows are dropped and counted, never requests.',
      minimum: 1,
      maximum: 10_000_000,
      default: 10_000,
    },
    queueBytes: {
      type: 'integer',
      description: 'Bytes that may wait to be written; past it rows are dropped and counted, never requests.',
      minimum: 1,
      maximum: 17_179_869_184,
      default: 134_217_728,
    },
    retention: retentionSchema,
  },
  additionalProperties: false,
} as const satisfies SchemaNode

export const streamSchema = {
  type: 'object',
  description: 'How streams are sent to clients.',
  default: {},
  properties: {
    pingSeconds: {
      type: 'number',
      description:
        'Seconds of silence after which an SSE comment is sent, so that proxies keep the connection.',
      minimum: 0.05,
      maximum: 3600,
      default: 15,
    },
  },
  additionalProperties: false,
} as const satisfies SchemaNode

export const structuredOutputSchema = {
  type: 'object',
  description:
    'What happens when a strict json_schema was asked of a provider that does not enforce it. The result is always checked; a wrong one is never passed as right.',
  default: {},
  properties: {
    retry: {
      type: 'boolean',
      description:
        'Whether a result that does not fit the schema is asked for once more. Such a stream is then held back until it has been checked.',
      default: false,
    },
  },
  additionalProperties: false,
} as const satisfies SchemaNode
