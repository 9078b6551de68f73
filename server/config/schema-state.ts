/** The options of what is kept for clients, of WebSockets, and of prompt templates. */
import { idNames } from './schema-names.ts'
import type { SchemaNode } from './schema-node.ts'

/** A hundred years. */
const MAX_DAYS = 36_500
const MAX_WAIT = 86_400_000

export const retentionDaysSchema = {
  type: 'number',
  description: 'Days that a response is kept after it was made; 0: for ever.',
  minimum: 0,
  maximum: MAX_DAYS,
} as const satisfies SchemaNode

export const stateSchema = {
  type: 'object',
  description: 'What the gateway keeps for its clients: responses, conversations, jobs, idempotency keys.',
  default: {},
  properties: {
    store: {
      type: 'boolean',
      description: 'Whether a response is kept when the request does not say (store).',
      default: true,
    },
    retentionDays: { ...retentionDaysSchema, default: 30 },
    conversationDays: {
      type: 'number',
      description: 'Days that a conversation is kept after it was made; 0: for ever.',
      minimum: 0,
      maximum: MAX_DAYS,
      default: 0,
    },
    conversationWait: {
      type: 'integer',
      description:
        'Milliseconds that a turn waits for another one on the same conversation, then 409; 0: not at all.',
      minimum: 0,
      maximum: MAX_WAIT,
      default: 30_000,
    },
    idempotencyHours: {
      type: 'number',
      description: 'Hours that an Idempotency-Key gives the first answer again.',
      minimum: 0.01,
      maximum: 8_760,
      default: 24,
    },
    idempotencyWait: {
      type: 'integer',
      description:
        'Milliseconds that a repeated call waits for the first one with its Idempotency-Key to end, then 409; 0: not at all.',
      minimum: 0,
      maximum: MAX_WAIT,
      default: 0,
    },
    backgroundJobs: {
      type: 'integer',
      description: 'Background responses that this process runs at once; others are queued.',
      minimum: 1,
      maximum: 100_000,
      default: 64,
    },
    keyRotationDays: {
      type: 'number',
      description:
        'Days until a new key seals reasoning and compactions for clients. What older keys sealed stays readable.',
      minimum: 0.01,
      maximum: MAX_DAYS,
      default: 30,
    },
    passPrompts: {
      type: 'boolean',
      description:
        'Whether a prompt id that is not kept here is passed to providers that have prompts of their own, rather than answered 400.',
      default: false,
    },
  },
  additionalProperties: false,
} as const satisfies SchemaNode

export const webSocketSchema = {
  type: 'object',
  description: 'WebSockets at /v1/responses.',
  default: {},
  properties: {
    maxFrameBytes: {
      type: 'integer',
      description: 'Bytes of a message from the client; the connection of a larger one is closed.',
      minimum: 1024,
      maximum: 1_073_741_824,
      default: 33_554_432,
    },
    maxQueuedTurns: {
      type: 'integer',
      description: 'Turns that may wait for the running one on a connection; a further one is an error.',
      minimum: 0,
      maximum: 10_000,
      default: 16,
    },
    maxMinutes: {
      type: 'number',
      description: 'Minutes that a connection may last.',
      minimum: 0.001,
      maximum: 1_440,
      default: 60,
    },
    maxMemoryBytes: {
      type: 'integer',
      description:
        'Bytes of turns with store: false that a connection remembers to continue from; past it the oldest are forgotten.',
      minimum: 0,
      maximum: 1_073_741_824,
      default: 33_554_432,
    },
  },
  additionalProperties: false,
} as const satisfies SchemaNode

export const promptsSchema = {
  type: 'object',
  description:
    'Prompt templates that requests name with prompt.id. These are read-only; others are kept by the admin API.',
  default: {},
  propertyNames: idNames,
  additionalProperties: {
    type: 'object',
    description: 'One prompt with its versions.',
    properties: {
      default: {
        type: 'string',
        description: 'The version that is taken when a request names none. Needed when there are several.',
      },
      versions: {
        type: 'object',
        description: 'The templates, by version.',
        minProperties: 1,
        propertyNames: idNames,
        additionalProperties: {
          type: 'object',
          description:
            'Members of a request (instructions, input, model, tools, tool_choice, text, reasoning, temperature, top_p, max_output_tokens, …) whose texts may hold {{name}}, a description, and variables: by name {type: "text" | "image" | "file", required (true), default}. Nothing in it is filled from the environment.',
        },
      },
    },
    required: ['versions'],
    additionalProperties: false,
  },
} as const satisfies SchemaNode
