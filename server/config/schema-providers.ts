/** The options of what is called: providers, and the models that they serve. */
import { ID_PATTERN, MODEL_PATTERN, SECRET_PATTERN, unsupportedSchema } from './schema-names.ts'
import type { SchemaNode } from './schema-node.ts'

const MAX_TIMEOUT = 86_400_000

const timeouts = {
  type: 'object',
  description: 'How long the gateway waits for the provider, in milliseconds.',
  default: {},
  properties: {
    connect: {
      type: 'integer',
      description: 'Until the connection is open.',
      minimum: 1,
      maximum: MAX_TIMEOUT,
      default: 10_000,
    },
    firstByte: {
      type: 'integer',
      description: 'From the sent request to the head of the response.',
      minimum: 1,
      maximum: MAX_TIMEOUT,
      default: 120_000,
    },
    idle: {
      type: 'integer',
      description: 'Between two chunks of the response.',
      minimum: 1,
      maximum: MAX_TIMEOUT,
      default: 120_000,
    },
    total: {
      type: 'integer',
      description: 'From start to the last byte.',
      minimum: 1,
      maximum: MAX_TIMEOUT,
      default: 1_800_000,
    },
  },
  additionalProperties: false,
} as const satisfies SchemaNode

export const providerSchema = {
  type: 'object',
  description:
    'A provider behind the gateway. One whose secret comes from a variable that is not set is listed as unavailable and passed over.',
  properties: {
    variant: {
      type: 'string',
      description: 'The form of Responses API that the provider speaks.',
    },
    baseUrl: {
      type: 'string',
      description:
        "Where the provider's API is, up to and without /responses: http or https, without credentials, query or fragment. May hold {project_id}, which the projectId replaces.",
      minLength: 1,
    },
    apiKey: {
      type: 'string',
      description: 'Sent as Authorization: Bearer.',
      pattern: SECRET_PATTERN,
    },
    adminKey: {
      type: 'string',
      description: 'Sent as X-Admin-Key, by the variants that know it.',
      pattern: SECRET_PATTERN,
    },
    projectId: {
      type: 'string',
      description:
        "The gateway's project at the provider, for variants that put it into the path or a header.",
      pattern: ID_PATTERN,
    },
    models: {
      type: 'array',
      description:
        'Names that the provider serves beyond those that its document lists; "*" for any. Only needed where the document limits the models.',
      default: [],
      items: {
        type: 'string',
        description: 'A model\'s name at the provider, or "*".',
        pattern: MODEL_PATTERN,
      },
    },
    unsupported: { ...unsupportedSchema, default: 'adapt' },
    timeouts,
    maxConnections: {
      type: 'integer',
      description:
        'Connections to the provider at most, so calls at once; a further call waits for one within timeouts.connect.',
      minimum: 1,
      maximum: 65_536,
      default: 1024,
    },
    attempts: {
      type: 'integer',
      description: 'Tries per target before the next target, the first one included.',
      minimum: 1,
      maximum: 10,
      default: 2,
    },
    options: { type: 'object', description: "The variant's own options.", default: {} },
  },
  required: ['variant', 'baseUrl'],
  additionalProperties: false,
} as const satisfies SchemaNode

export const modelSchema = {
  type: 'object',
  description:
    'A name that clients may ask for. It may hold one "*" for any characters; exact names go before wildcards, and of those the one with the most literal characters is taken.',
  properties: {
    targets: {
      type: 'array',
      description: 'Where the model is served, in the order of preference.',
      minItems: 1,
      items: {
        type: 'object',
        description: 'One model of one provider.',
        properties: {
          provider: { type: 'string', description: 'The id of a provider.' },
          model: {
            type: 'string',
            description:
              'The provider\'s name of the model; one "*" stands for what the "*" of the name matched.',
            pattern: MODEL_PATTERN,
          },
          contextTokens: {
            type: 'integer',
            description:
              'Tokens of input and output that the model takes together. Where it is known, what cannot fit is refused before the call, and truncation is done before the call where the provider has none, rather than after a refusal.',
            minimum: 1,
            maximum: 1_000_000_000,
          },
        },
        required: ['provider', 'model'],
        additionalProperties: false,
      },
    },
  },
  required: ['targets'],
  additionalProperties: false,
} as const satisfies SchemaNode
