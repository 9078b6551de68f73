/**
 * The configuration: every option with its description, default and limits. One source for the type, the
 * validation and the JSON Schema that editors read at `/config.schema.json`.
 */
import { translators as registry } from '../../translators/index.ts'
import type { JsonObject } from '../../translators/shared/canonical.ts'
import type { Translator } from '../../translators/shared/translator.ts'
import { idNames, MIN_KEY_LENGTH, MODEL_PATTERN, SECRET_PATTERN } from './schema-names.ts'
import type { FromSchema, SchemaNode } from './schema-node.ts'
import { pricesSchema } from './schema-prices.ts'
import {
  limitsSchema,
  listenSchema,
  logSchema,
  storeSchema,
  streamSchema,
  structuredOutputSchema,
} from './schema-process.ts'
import { projectSchema } from './schema-projects.ts'
import { modelSchema, providerSchema } from './schema-providers.ts'
import { promptsSchema, stateSchema, webSocketSchema } from './schema-state.ts'

export const configurationSchema = {
  type: 'object',
  description: `Configuration of the Dragoman gateway. "\${NAME}" in any string is filled from the environment, but in prompt templates; names of members are not.`,
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
      additionalProperties: projectSchema,
    },
    providers: {
      type: 'object',
      description: 'The providers behind the gateway, by an id of your choice.',
      minProperties: 1,
      propertyNames: idNames,
      additionalProperties: providerSchema,
    },
    models: {
      type: 'object',
      description:
        'The models that clients may ask for, by name; HF-style names (org/name) are the canonical ones.',
      default: {},
      propertyNames: { pattern: MODEL_PATTERN, description: 'Printable ASCII characters, at most 256.' },
      additionalProperties: modelSchema,
    },
    prices: pricesSchema,
    directRouting: {
      type: 'boolean',
      description:
        'Whether "<provider>/<model>" addresses a provider directly when no entry of models matches.',
      default: true,
    },
    limits: limitsSchema,
    state: stateSchema,
    webSocket: webSocketSchema,
    prompts: promptsSchema,
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
export type ProviderDraft = FromSchema<typeof providerSchema, 'draft'>
export type ProjectDraft = FromSchema<typeof projectSchema, 'draft'>
export type PricesDraft = FromSchema<typeof pricesSchema, 'draft'>
export type ModelDraft = FromSchema<typeof modelSchema, 'draft'>

export type Translators = Readonly<Record<string, Translator>>

/** The JSON Schema (draft-07) of the configuration, with the options of each variant in the registry. */
export function buildConfigSchema(translators: Translators): JsonObject {
  const variants = Object.keys(translators)
  const variant = { ...providerSchema.properties.variant, ...(variants.length > 0 && { enum: variants }) }
  const conditions = Object.values(translators).map((translator) => ({
    if: { properties: { variant: { const: translator.id } }, required: ['variant'] },
    // biome-ignore lint/suspicious/noThenProperty: the word is JSON Schema's.
    then: { properties: { options: describeOptions(translator) } },
  }))
  const anyProvider = {
    ...providerSchema,
    properties: { ...providerSchema.properties, variant },
    ...(conditions.length > 0 && { allOf: conditions }),
  }
  const { properties } = configurationSchema
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Dragoman configuration',
    ...configurationSchema,
    properties: {
      ...properties,
      providers: { ...properties.providers, additionalProperties: anyProvider },
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
