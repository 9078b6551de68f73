/** `/admin/spend`, `/admin/reprice`: what was spent, and pricing again. */
import Type, { type Static } from 'typebox'
import { rollupFilters } from './contract-overview.ts'
import { count, cursor, moment, money, nullable, text, time } from './kinds.ts'

export const spendFormats = ['json', 'csv'] as const

export const AdminSpendQuery = Type.Object({
  group_by: Type.Optional(
    Type.String({
      pattern: '^(project|key|model|provider|user|metadata:.{1,64})$',
      description:
        'project, key, model, provider, user, or metadata:<name>. Default: all together. The cost of a request is with the provider that was paid, also where another one answered in the end.',
    }),
  ),
  period: Type.Optional(
    Type.Enum(['day', 'month'], { description: 'Of UTC, by the time of admission. Default month.' }),
  ),
  from: Type.Optional(time('Whole periods from the one of this time on. Default the current month.')),
  to: Type.Optional(time('Up to the period of the last moment before this time. Default now.')),
  ...rollupFilters,
  format: Type.Optional(
    Type.Enum([...spendFormats], {
      description: 'csv: the rows alone, with a line of names. Default json.',
    }),
  ),
})
export type AdminSpendQuery = Static<typeof AdminSpendQuery>

const amounts = {
  requests: count('That were over.'),
  unpriced_requests: count('Of them, those whose cost is not known: nothing of them is in cost_usd.'),
  cost_usd: nullable(money('Of the other ones. Null when the cost of none is known.')),
  estimated_cost_usd: money('The part of cost_usd that rests on tokens that no provider told.'),
  input_tokens: count('Told by providers.'),
  output_tokens: count('Told by providers.'),
  estimated_input_tokens: count('Counted by the gateway; in no other number.'),
  estimated_output_tokens: count('Counted by the gateway; in no other number.'),
}

export const AdminSpendRow = Type.Object(
  {
    period: Type.String({ description: 'A day ("2026-11-21") or month ("2026-11") of UTC.' }),
    value: nullable(Type.String({ description: 'Of group_by; null unless `kind` is "value".' })),
    kind: Type.Enum(['value', 'none', 'other', 'all'], {
      description:
        'none: requests without such a value. other: those with values past the first 1000 of a day and project. all: without group_by.',
    }),
    project: nullable(Type.String({ description: 'Of a key; else null.' })),
    ...amounts,
  },
  { title: 'AdminSpendRow' },
)
export type AdminSpendRow = Static<typeof AdminSpendRow>

export const AdminSpendForecast = Type.Object(
  {
    period: Type.String({ description: 'The running day or month.' }),
    cost_usd: money('What it will come to.'),
    method: Type.String({ description: 'In a sentence.' }),
    based_on: Type.Object({
      days: count('Whole days.'),
      from: moment('The first of them.'),
      to: moment('The end of the last one.'),
    }),
  },
  { title: 'AdminSpendForecast' },
)
export type AdminSpendForecast = Static<typeof AdminSpendForecast>

export const AdminSpend = Type.Object(
  {
    from: moment('The beginning of the first period.'),
    to: moment('The end of the last one.'),
    group_by: nullable(Type.String()),
    period: Type.Enum(['day', 'month']),
    totals: Type.Object(amounts, { description: 'Exactly the sums of the rows.' }),
    rows: Type.Array(AdminSpendRow, {
      description: 'By period, then what cost most first. Every request is in one row, so they add up.',
    }),
    forecast: nullable(
      Type.Intersect([AdminSpendForecast], {
        description:
          'For all that the filters leave. Null when the running period was not asked for, or fewer than 7 whole days are known.',
      }),
    ),
  },
  { title: 'AdminSpend' },
)
export type AdminSpend = Static<typeof AdminSpend>

export const AdminRepriceBody = Type.Object({
  from: time('Requests admitted at this time or later.'),
  to: time('Requests admitted before this time.'),
  which: Type.Optional(
    Type.Enum(['unpriced', 'all'], {
      description: 'unpriced: those whose cost is not known. Default unpriced.',
    }),
  ),
  cursor: Type.Optional(cursor('`next` of an earlier answer, to go on from there.')),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 10_000, description: 'Requests to look at. Default 1000.' }),
  ),
})
export type AdminRepriceBody = Static<typeof AdminRepriceBody>

export const AdminRepriced = Type.Object(
  {
    examined: count('Requests that were looked at.'),
    changed: count('Whose cost, or what explains it, is another one now.'),
    unknown: count('Whose cost is not known, still or again.'),
    skipped: count('Left as they are: they still run, or their rows do not say what was used.'),
    difference_usd: money('What all sums changed by.'),
    next: nullable(text('Ask again with it as `cursor`; null when all is done.')),
  },
  { title: 'AdminRepriced' },
)
export type AdminRepriced = Static<typeof AdminRepriced>
