/** `/admin/prices`: what models cost. */
import Type, { type Static } from 'typebox'
import { count, moment, money, nullable, text, time } from './kinds.ts'

export const AdminPricesQuery = Type.Object({
  provider: Type.Optional(text("A provider's id: only what counts for its calls.")),
  at: Type.Optional(time('The moment of which prices are asked. Default now.')),
})
export type AdminPricesQuery = Static<typeof AdminPricesQuery>

const perMillion = (of: string) => nullable(money(`Dollars per million tokens ${of}.`))

export const AdminRates = Type.Object(
  {
    service_tier: nullable(Type.String({ description: 'Null: the usual one.' })),
    above_input_tokens: count('They count for requests with more tokens of input than this; 0: any.'),
    input_usd: perMillion('of input'),
    cached_input_usd: perMillion('read from a cache; null: as input'),
    cache_write_usd: perMillion('written to a cache; null: as input'),
    output_usd: perMillion('of output'),
    reasoning_usd: perMillion('of reasoning; null: as output'),
    request_usd: nullable(money('Dollars per request, besides its tokens.')),
    image_usd: nullable(money("Dollars per image that the provider's tool made.")),
  },
  { title: 'AdminRates' },
)

export const AdminPrice = Type.Object(
  {
    owner: Type.String({ description: 'The provider, or the variant for all of its providers.' }),
    model: Type.String({ description: "The provider's name of the model; one `*` stands for anything." }),
    origin: Type.Enum(['configuration', 'default'], {
      description: 'default: it comes with the gateway, and counts where the configuration has none.',
    }),
    version: Type.String({ description: 'What the cost of a request says its price was.' }),
    from: nullable(moment('Since when it counts; null: always.')),
    until: nullable(moment('When the next one begins to count; null: there is none.')),
    in_force: Type.Boolean({ description: 'Whether it counts at the moment that was asked for.' }),
    source: nullable(Type.String({ description: 'Where it is published, of a default.' })),
    rates: Type.Array(AdminRates, { description: 'The usual ones first.' }),
  },
  { title: 'AdminPrice' },
)
export type AdminPrice = Static<typeof AdminPrice>

export const AdminTargetPrice = Type.Object(
  {
    model: Type.String({ description: 'The name that clients ask for.' }),
    provider: Type.String(),
    upstream_model: Type.String(),
    price: nullable(
      Type.Intersect([AdminPrice], {
        description: 'Null: its cost is unknown, unless the provider answers with another model.',
      }),
    ),
  },
  { title: 'AdminTargetPrice' },
)

export const AdminPrices = Type.Object(
  {
    at: moment('The moment that was asked for.'),
    models: Type.Array(AdminTargetPrice, {
      description: 'What each target of each configured model costs then; without names that hold a `*`.',
    }),
    prices: Type.Array(AdminPrice, {
      description: 'All there are, also of other times. The first that fits counts: by owner, then by name.',
    }),
  },
  { title: 'AdminPrices' },
)
export type AdminPrices = Static<typeof AdminPrices>
