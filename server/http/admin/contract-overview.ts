/** `/admin/overview`, `/admin/facets`: figures and the values that filters offer. */
import Type, { type Static } from 'typebox'
import { moment, money, nullable, text, time } from './kinds.ts'

/** Filters of what is read from rollups. */
export const rollupFilters = {
  project: Type.Optional(text('The project.')),
  key: Type.Optional(text('The name of the project key.')),
  model: Type.Optional(text('The model that the client asked for.')),
  provider: Type.Optional(text('The provider.')),
}

export const AdminOverviewQuery = Type.Object({
  from: Type.Optional(time('Default one hour before `to`.')),
  to: Type.Optional(time('Default now.')),
  ...rollupFilters,
})
export type AdminOverviewQuery = Static<typeof AdminOverviewQuery>

const figures = {
  requests: Type.Integer({ description: 'Those that have ended.' }),
  errors: Type.Integer(),
  streams: Type.Integer({ description: 'Requests for a stream.' }),
  attempts: Type.Integer({ description: 'Calls to providers, retries and fallbacks included.' }),
  input_tokens: Type.Integer({ description: 'Tokens as providers reported them, here and below.' }),
  cached_tokens: Type.Integer({ description: 'Part of the input tokens.' }),
  cache_write_tokens: Type.Integer({ description: 'Part of the input tokens.' }),
  output_tokens: Type.Integer(),
  reasoning_tokens: Type.Integer({ description: 'Part of the output tokens.' }),
  estimated_input_tokens: Type.Integer({
    description:
      'Counted by the gateway where a provider reported nothing: beside the input tokens, not in them.',
  }),
  estimated_output_tokens: Type.Integer(),
  cost_usd: nullable(money('Over the requests whose cost is known. Null when the cost of none is known.')),
  estimated_cost_usd: money('The part of it that rests on estimated tokens.'),
  unpriced: Type.Integer({ description: 'Requests whose cost is unknown.' }),
  latency_p50_ms: nullable(
    Type.Number({ description: 'To 10 %, as all times here. Null when there is no finished request.' }),
  ),
  latency_p95_ms: nullable(Type.Number()),
  ttft_p50_ms: nullable(Type.Number()),
  ttft_p95_ms: nullable(Type.Number()),
  overhead_p50_ms: nullable(Type.Number()),
  overhead_p95_ms: nullable(Type.Number()),
}

export const AdminOverviewPoint = Type.Object(
  { at: moment('The start of the bucket.'), ...figures },
  { title: 'AdminOverviewPoint' },
)
export type AdminOverviewPoint = Static<typeof AdminOverviewPoint>

const ranked = Type.Object({
  name: Type.String(),
  requests: Type.Integer(),
  errors: Type.Integer(),
  total_tokens: Type.Integer({ description: 'Input and output tokens that providers reported.' }),
  estimated_tokens: Type.Integer({ description: 'Those that the gateway counted instead.' }),
  cost_usd: nullable(money('Over the requests whose cost is known. Null when the cost of none is known.')),
  unpriced: Type.Integer({ description: 'Requests whose cost is unknown.' }),
})

export const AdminOverview = Type.Object(
  {
    from: moment(
      'As asked, or a little earlier: at a whole minute, or hour where minutes are not kept any more.',
    ),
    to: moment('As asked, or a little later.'),
    bucket_seconds: Type.Number(),
    incomplete_before: nullable(
      moment(
        'After an upgrade: requests from before this time are not counted yet, which goes on in the background. Null when those of the time asked for are.',
      ),
    ),
    totals: Type.Object({
      ...figures,
      in_progress: Type.Integer({ description: 'Requests that run, which are in no other figure yet.' }),
    }),
    points: Type.Array(AdminOverviewPoint, {
      description: 'Equal buckets over the time asked for, empty ones included; at most 120.',
    }),
    errors: Type.Array(Type.Object({ origin: Type.String(), code: Type.String(), count: Type.Integer() }), {
      description: 'Most first, at most 20.',
    }),
    models: Type.Array(ranked, { description: 'Most used first, at most 20.' }),
    providers: Type.Array(ranked, {
      description:
        'Most used first, at most 20. Each has the cost of its own attempts, also of those that failed.',
    }),
    projects: Type.Array(ranked, { description: 'Most used first, at most 20.' }),
    keys: Type.Array(ranked, { description: 'Most used first, at most 20.' }),
  },
  { title: 'AdminOverview' },
)
export type AdminOverview = Static<typeof AdminOverview>

export const AdminFacetsQuery = Type.Object({
  from: Type.Optional(time('Default 90 days before `to`.')),
  to: Type.Optional(time('Default now.')),
})
export type AdminFacetsQuery = Static<typeof AdminFacetsQuery>

const values = Type.Array(Type.String())
const counts = Type.Array(Type.Object({ value: Type.String(), requests: Type.Integer() }))

export const AdminFacets = Type.Object(
  {
    models: values,
    projects: values,
    keys: values,
    providers: values,
    statuses: values,
    error_codes: values,
    error_origins: values,
    counts: Type.Object(
      {
        models: counts,
        projects: counts,
        keys: counts,
        providers: counts,
        statuses: counts,
        error_codes: counts,
        error_origins: counts,
      },
      { description: 'The same values with their requests in the time asked for, most first.' },
    ),
  },
  {
    title: 'AdminFacets',
    description: 'The values that the filters can offer, the 200 most used of each at most, by name.',
  },
)
export type AdminFacets = Static<typeof AdminFacets>
