/** `/admin/overview`, `/admin/facets`: figures and the values that filters offer. */
import Type, { type Static } from 'typebox'
import { moment, nullable, text, time } from './kinds.ts'

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
  requests: Type.Integer(),
  errors: Type.Integer(),
  input_tokens: Type.Integer(),
  output_tokens: Type.Integer(),
  latency_p50_ms: nullable(Type.Number({ description: 'Null when there is no finished request.' })),
  latency_p95_ms: nullable(Type.Number()),
  ttft_p50_ms: nullable(Type.Number()),
  overhead_p50_ms: nullable(Type.Number()),
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
  total_tokens: Type.Integer(),
})

export const AdminOverview = Type.Object(
  {
    from: moment('As asked.'),
    to: moment('As asked.'),
    bucket_seconds: Type.Number(),
    totals: Type.Object({
      ...figures,
      cached_tokens: Type.Integer(),
      reasoning_tokens: Type.Integer(),
      in_progress: Type.Integer(),
    }),
    points: Type.Array(AdminOverviewPoint, {
      description: 'Equal buckets over the time asked for, empty ones included; at most 120.',
    }),
    errors: Type.Array(Type.Object({ origin: Type.String(), code: Type.String(), count: Type.Integer() }), {
      description: 'Most first, at most 20.',
    }),
    models: Type.Array(ranked, { description: 'Most used first, at most 20.' }),
    providers: Type.Array(ranked, { description: 'Most used first, at most 20.' }),
  },
  { title: 'AdminOverview' },
)
export type AdminOverview = Static<typeof AdminOverview>

export const AdminFacetsQuery = Type.Object({})
export type AdminFacetsQuery = Static<typeof AdminFacetsQuery>

export const AdminFacets = Type.Object(
  {
    models: Type.Array(Type.String()),
    projects: Type.Array(Type.String()),
    providers: Type.Array(Type.String()),
    statuses: Type.Array(Type.String()),
  },
  { title: 'AdminFacets', description: 'The values that the filters can offer, at most 200 each.' },
)
export type AdminFacets = Static<typeof AdminFacets>
