/** The options of who may call: projects and their keys. */
import {
  ID_PATTERN,
  idNames,
  MIN_KEY_LENGTH,
  MODEL_PATTERN,
  SECRET_PATTERN,
  unsupportedSchema,
} from './schema-names.ts'
import type { SchemaNode } from './schema-node.ts'
import { retentionDaysSchema } from './schema-state.ts'

const projectKey = {
  type: ['string', 'object'],
  description: `A key with which clients call as this project (Authorization: Bearer …), at least ${MIN_KEY_LENGTH} characters; as a string, or as an object with settings of its own. Only its SHA-256 is kept in memory.`,
  minLength: MIN_KEY_LENGTH,
  pattern: SECRET_PATTERN,
  properties: {
    name: {
      type: 'string',
      description:
        'What the key is called in the log and the dashboard. Unless given: the project and the position, e.g. "acme/1".',
      pattern: MODEL_PATTERN,
      maxLength: 128,
    },
    key: {
      type: 'string',
      description: `The key itself, at least ${MIN_KEY_LENGTH} characters.`,
      minLength: MIN_KEY_LENGTH,
      pattern: SECRET_PATTERN,
    },
    events: {
      type: 'string',
      description:
        'How reasoning events are spelled in streams: "openai" (response.reasoning_text.*, which OpenAI\'s SDKs need) or "open-responses" (response.reasoning.*, as the specification has it). A request may override it with x-dragoman-events.',
      enum: ['openai', 'open-responses'],
      default: 'openai',
    },
    unsupported: {
      ...unsupportedSchema,
      description: `${unsupportedSchema.description} For calls with this key, over the provider's setting; a request may override it with x-dragoman-unsupported.`,
    },
  },
  required: ['key'],
  additionalProperties: false,
} as const satisfies SchemaNode

export const projectSchema = {
  type: 'object',
  description:
    'A tenant: whose calls are recorded together. Its id stands in X-Project-ID and in the record.',
  properties: {
    name: {
      type: 'string',
      description: 'What the dashboard shows. Unless given: the id.',
      minLength: 1,
      maxLength: 200,
    },
    keys: {
      type: 'array',
      description: "The project's keys. Without any, only the admin key can call on its behalf.",
      default: [],
      items: projectKey,
    },
    store: {
      type: 'boolean',
      description:
        'Whether a response of this project is kept when the request does not say. Unless given: state.store.',
    },
    retentionDays: {
      ...retentionDaysSchema,
      description: `${retentionDaysSchema.description} Unless given: state.retentionDays.`,
    },
    log: {
      type: 'object',
      description: 'What is recorded of the calls of this project. What is not said here is as in "log".',
      default: {},
      properties: {
        bodies: {
          type: 'string',
          description: 'As log.bodies. Unless given: that.',
          enum: ['full', 'metadata', 'none'],
        },
        maxBodyBytes: {
          type: 'integer',
          description: 'As log.maxBodyBytes. Unless given: that.',
          minimum: 0,
          maximum: 67_108_864,
        },
      },
      additionalProperties: false,
    },
    upstream: {
      type: 'object',
      description: 'What this project is at the providers, by provider id.',
      default: {},
      propertyNames: idNames,
      additionalProperties: {
        type: 'object',
        description: 'What this project is at one provider.',
        properties: {
          projectId: {
            type: 'string',
            description:
              "The provider's project for calls of this project; overrides the provider's own projectId.",
            pattern: ID_PATTERN,
          },
        },
        additionalProperties: false,
      },
    },
  },
  additionalProperties: false,
} as const satisfies SchemaNode
