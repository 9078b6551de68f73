/**
 * The configuration: every option with its description, default and limits. One source for the type, the
 * validation and the JSON Schema that editors read at `/config.schema.json`.
 */
import { translators as registry } from '../../translators/index.ts'
import type { JsonObject } from '../../translators/shared/canonical.ts'
import type { Translator } from '../../translators/shared/translator.ts'
import type { FromSchema, SchemaNode } from './schema-node.ts'
import {
  limitsSchema,
  listenSchema,
  logSchema,
  storeSchema,
  streamSchema,
  structuredOutputSchema,
} from './schema-process.ts'

/** Ids go into paths and headers: never empty, no `/`, no control character, not `.` and nothing with `..`. */
export const ID_PATTERN = '^(?!\\.$)(?!.*\\.\\.)[A-Za-z0-9._-]{1,128}$'

/** Model names go into headers: printable ASCII. */
export const MODEL_PATTERN = '^[!-~](?:[ -~]{0,254}[!-~])?$'

/** Keys and credentials go into headers: printable ASCII without spaces. */
export const SECRET_PATTERN = '^[!-~]+$'

/** What a project key needs to be no guess. */
export const MIN_KEY_LENGTH = 8

const idNames = {
  pattern: ID_PATTERN,
  description: 'Letters, digits, ".", "_" and "-", at most 128; no "..".',
}

const unsupported = {
  type: 'string',
  description:
    'What happens to a field that a provider cannot take. "adapt": it is mapped, clamped, emulated or dropped, and named in x-dragoman-adaptations. "reject": the request is answered 400, naming field and provider.',
  enum: ['adapt', 'reject'],
} as const satisfies SchemaNode

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
      ...unsupported,
      description: `${unsupported.description} For calls with this key, over the provider's setting; a request may override it with x-dragoman-unsupported.`,
    },
  },
  required: ['key'],
  additionalProperties: false,
} as const satisfies SchemaNode

const project = {
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

const provider = {
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
    unsupported: { ...unsupported, default: 'adapt' },
    timeouts,
    maxConnections: {
      type: 'integer',
      description: 'Connections to the provider at most; they are kept alive.',
      minimum: 1,
      maximum: 65_536,
      default: 256,
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

const model = {
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
        },
        required: ['provider', 'model'],
        additionalProperties: false,
      },
    },
  },
  required: ['targets'],
  additionalProperties: false,
} as const satisfies SchemaNode

export const configurationSchema = {
  type: 'object',
  description: `Configuration of the Dragoman gateway. "\${NAME}" in any string is filled from the environment; names of members are not.`,
  properties: {
    $schema: { type: 'string', description: "This schema's address, for editors. Not read by the gateway." },
    listen: listenSchema,
    store: storeSchema,
    admin: {
      type: 'object',
      description: 'The operator of the gateway.',
      default: {},
      properties: {
        key: {
          type: 'string',
          description: `Opens the dashboard and the admin API, and may call on behalf of any project (X-Admin-Key). At least ${MIN_KEY_LENGTH} characters. Without it they are open, on loopback only.`,
          minLength: MIN_KEY_LENGTH,
          pattern: SECRET_PATTERN,
        },
      },
      additionalProperties: false,
    },
    projects: {
      type: 'object',
      description: 'Who may call, by project id. Without any key the gateway is open, on loopback only.',
      default: {},
      propertyNames: idNames,
      additionalProperties: project,
    },
    providers: {
      type: 'object',
      description: 'The providers behind the gateway, by an id of your choice.',
      minProperties: 1,
      propertyNames: idNames,
      additionalProperties: provider,
    },
    models: {
      type: 'object',
      description:
        'The models that clients may ask for, by name; HF-style names (org/name) are the canonical ones.',
      default: {},
      propertyNames: { pattern: MODEL_PATTERN, description: 'Printable ASCII characters, at most 256.' },
      additionalProperties: model,
    },
    directRouting: {
      type: 'boolean',
      description:
        'Whether "<provider>/<model>" addresses a provider directly when no entry of models matches.',
      default: true,
    },
    limits: limitsSchema,
    log: logSchema,
    stream: streamSchema,
    structuredOutput: structuredOutputSchema,
  },
  required: ['providers'],
  additionalProperties: false,
} as const satisfies SchemaNode

/** What may be written in a configuration file. */
export type Configuration = FromSchema<typeof configurationSchema>

/** A validated configuration with its defaults; whatever was wrong has been taken out. */
export type ConfigurationDraft = FromSchema<typeof configurationSchema, 'draft'>
export type ProviderDraft = FromSchema<typeof provider, 'draft'>
export type ProjectDraft = FromSchema<typeof project, 'draft'>
export type ModelDraft = FromSchema<typeof model, 'draft'>

export type Translators = Readonly<Record<string, Translator>>

/** The JSON Schema (draft-07) of the configuration, with the options of each variant in the registry. */
export function buildConfigSchema(translators: Translators): JsonObject {
  const variants = Object.keys(translators)
  const variant = { ...provider.properties.variant, ...(variants.length > 0 && { enum: variants }) }
  const providerSchema = {
    ...provider,
    properties: { ...provider.properties, variant },
    allOf: Object.values(translators).map((translator) => ({
      if: { properties: { variant: { const: translator.id } }, required: ['variant'] },
      // biome-ignore lint/suspicious/noThenProperty: the word is JSON Schema's.
      then: { properties: { options: describeOptions(translator) } },
    })),
  }
  const { properties } = configurationSchema
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Dragoman configuration',
    ...configurationSchema,
    properties: {
      ...properties,
      providers: { ...properties.providers, additionalProperties: providerSchema },
    },
  }
}

function describeOptions(translator: Translator): JsonObject {
  return {
    type: 'object',
    description: `Options of the variant ${translator.id} (${translator.title}).`,
    additionalProperties: false,
    ...translator.options,
  }
}

/** What is served at `/config.schema.json`. */
export const configSchema: JsonObject = buildConfigSchema(registry)
