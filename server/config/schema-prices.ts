/** The options of prices. */
import { MODEL_PATTERN } from './schema-names.ts'
import type { SchemaNode } from './schema-node.ts'

/** US dollars as text: exact, whatever JSON's numbers do. */
export const AMOUNT_PATTERN = '^[0-9]{1,9}(?:\\.[0-9]{1,9})?$'

/** A day, which begins at 00:00 UTC, or a moment. */
export const DATE_PATTERN =
  '^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\\.[0-9]{1,3})?)?(?:Z|[+-][0-9]{2}:[0-9]{2}))?$'

/** What fits into an exact sum of whole nano-dollars. */
const MAX_PER_MILLION = 1_000_000
const MAX_EACH = 1000

function amount<const D extends string>(description: D, maximum: number) {
  return {
    type: ['number', 'string'],
    description: `${description} A number, or a decimal as text ("0.075"); at most nine decimals.`,
    minimum: 0,
    maximum,
    pattern: AMOUNT_PATTERN,
  } as const satisfies SchemaNode
}

const rates = {
  input: amount('US dollars per million tokens of input.', MAX_PER_MILLION),
  cachedInput: amount(
    'US dollars per million tokens of input that were read from a cache. Default: as input.',
    MAX_PER_MILLION,
  ),
  cacheWrite: amount(
    'US dollars per million tokens of input that were written to a cache. Default: as input.',
    MAX_PER_MILLION,
  ),
  output: amount('US dollars per million tokens of output.', MAX_PER_MILLION),
  reasoning: amount(
    'US dollars per million tokens of reasoning, where it costs other than output. Default: as output.',
    MAX_PER_MILLION,
  ),
  request: amount('US dollars per request, besides its tokens. Default: none.', MAX_EACH),
  image: amount(
    "US dollars per image that the provider's image tool made, besides the tokens. Default: none.",
    MAX_EACH,
  ),
} as const satisfies { [name: string]: SchemaNode }

const tierSchema = {
  type: 'object',
  description:
    'Rates that count in place of the others, for the whole request. What it does not name has no rate: nothing is taken over.',
  properties: {
    serviceTier: {
      type: 'string',
      description:
        'The service tier, e.g. "flex", "priority" or "batch": the one that the provider answered with, else the one that was sent to it. Default: the usual one (default, auto, standard or none).',
      minLength: 1,
      maxLength: 64,
    },
    aboveInputTokens: {
      type: 'integer',
      description: 'Counts for requests with more tokens of input than this. Default: any.',
      minimum: 1,
      maximum: 1_000_000_000,
    },
    ...rates,
  },
  additionalProperties: false,
} as const satisfies SchemaNode

const priceSchema = {
  type: 'object',
  description: 'One price of a model, for requests from a moment on.',
  properties: {
    from: {
      type: 'string',
      description:
        'The first moment at which it counts: a day in UTC ("2026-07-01") or a moment ("2026-07-01T12:00:00Z"). Default: always. The newest one that is not after the request counts.',
      pattern: DATE_PATTERN,
    },
    version: {
      type: 'string',
      description:
        'What the record says the price was. Default: the date and a hash of the content, which changes whenever the price does.',
      minLength: 1,
      maxLength: 64,
    },
    ...rates,
    tiers: {
      type: 'array',
      description: 'Other rates for long inputs or service tiers.',
      items: tierSchema,
    },
  },
  additionalProperties: false,
} as const satisfies SchemaNode

export const pricesSchema = {
  type: 'object',
  description:
    'What models cost, in US dollars: by provider (its id in this configuration, or a variant, for all of its providers), then by the provider\'s name of the model, which may hold one "*". They go before the prices that come with the gateway. A model without a price has an unknown cost, never 0.',
  default: {},
  additionalProperties: {
    type: 'object',
    description: "The provider's models.",
    propertyNames: { pattern: MODEL_PATTERN, description: 'Printable ASCII characters, at most 256.' },
    additionalProperties: {
      type: 'array',
      description: 'The prices of one model, one for each date from which another counts.',
      minItems: 1,
      items: priceSchema,
    },
  },
} as const satisfies SchemaNode
