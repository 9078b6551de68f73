/** What calls cost, as far as their prices are known. By project, key and user it stands in the gateway's own dashboard: those are no labels. */
import { chart, type Dashboard, number, table } from './panels.ts'
import { rateBy, select, share } from './queries.ts'

const routed = 'provider=~"$provider", model=~"$model"'
const cost = 'dragoman_cost_usd_total'
const unpriced = 'dragoman_unpriced_requests_total'
const estimated = 'dragoman_estimated_usage_requests_total'

/** In the chosen time, all gateways together. */
function total(metric: string, labels = ''): string {
  const by = labels === '' ? '' : ` by (${labels})`
  return `sum${by} (increase(${select(metric, routed)}[$__range]))`
}

const hourly = (labels: string) => `${rateBy(labels, cost, routed)} * 3600`

const now = [
  number({
    title: 'Cost',
    description:
      'In the chosen time, of requests with a known cost. Prometheus estimates between scrapes: the exact sum is in the gateway (Spend).',
    unit: 'currencyUSD',
    queries: [{ expr: total(cost), legend: '' }],
  }),
  number({
    title: 'Cost per hour',
    description: 'At the rate of now.',
    unit: 'currencyUSD',
    queries: [{ expr: hourly(''), legend: '' }],
  }),
  number({
    title: 'Estimated share',
    description:
      'Of the cost, what rests on tokens that the gateway counted itself, as the provider told none.',
    unit: 'percentunit',
    queries: [
      {
        expr: share(rateBy('', cost, `${routed}, usage="estimated"`), rateBy('', cost, routed)),
        legend: '',
      },
    ],
  }),
  number({
    title: 'Requests without a price',
    description: 'In the chosen time. They are not in the cost, which is too low by theirs.',
    unit: 'short',
    queries: [{ expr: total(unpriced), legend: '' }],
  }),
  number({
    title: 'Share without a price',
    description: 'Of all requests.',
    unit: 'percentunit',
    queries: [
      {
        expr: share(rateBy('', unpriced, routed), rateBy('', 'dragoman_requests_total', routed)),
        legend: '',
      },
    ],
  }),
  number({
    title: 'Requests with estimated usage',
    description: 'In the chosen time.',
    unit: 'short',
    queries: [{ expr: total(estimated), legend: '' }],
  }),
]

const spent = [
  chart({
    title: 'Cost by provider',
    description: 'USD per hour; each attempt at the provider that was paid for it, failed ones included.',
    unit: 'currencyUSD',
    stacked: true,
    queries: [{ expr: hourly('provider'), legend: '{{provider}}' }],
  }),
  chart({
    title: 'Cost by model',
    description: 'USD per hour, by the model that clients ask for.',
    unit: 'currencyUSD',
    stacked: true,
    queries: [{ expr: hourly('model'), legend: '{{model}}' }],
  }),
  chart({
    title: 'Cost by who counted',
    description: 'USD per hour: on usage that providers reported, or that the gateway estimated.',
    unit: 'currencyUSD',
    stacked: true,
    queries: [{ expr: hourly('usage'), legend: '{{usage}}' }],
  }),
  chart({
    title: 'Cost of a thousand requests, by model',
    description:
      'What changes here is the length of prompts and answers, the share of cached input, or the price.',
    unit: 'currencyUSD',
    width: 12,
    queries: [
      {
        expr: `${rateBy('model', cost, routed)} / ${rateBy('model', 'dragoman_requests_total', routed)} * 1000`,
        legend: '{{model}}',
      },
    ],
  }),
  chart({
    title: 'Cost of a million tokens, by provider',
    description: 'Input and output together.',
    unit: 'currencyUSD',
    width: 12,
    queries: [
      {
        expr: `${rateBy('provider', cost, routed)} / ${rateBy('provider', 'dragoman_tokens_total', `${routed}, type=~"input|output"`)} * 1000000`,
        legend: '{{provider}}',
      },
    ],
  }),
  table({
    title: 'Cost in the chosen time',
    description: 'By provider, model and who counted.',
    unit: 'currencyUSD',
    queries: [{ expr: total(cost, 'provider, model, usage'), legend: '' }],
  }),
]

const unknown = [
  chart({
    title: 'Requests without a price',
    description:
      'unknown_model: no price for that model at that time. no_usage: nothing is known of what was used. no_rate: the price lacks a part.',
    unit: 'reqps',
    width: 12,
    queries: [
      {
        expr: rateBy('provider, model, reason', unpriced, routed),
        legend: '{{provider}}: {{model}} ({{reason}})',
      },
    ],
  }),
  chart({
    title: 'Requests with estimated usage',
    description: 'The provider told no tokens, so the gateway counted them with a tokenizer.',
    unit: 'reqps',
    width: 12,
    queries: [{ expr: rateBy('provider, model', estimated, routed), legend: '{{provider}}: {{model}}' }],
  }),
]

export const money: Dashboard = {
  uid: 'dragoman-money',
  title: 'Dragoman: money',
  description: 'What calls cost, what of it is estimated, and what has no price.',
  variables: [
    { name: 'provider', label: 'Provider', metric: 'dragoman_requests_total{job=~"$job"}' },
    { name: 'model', label: 'Model', metric: 'dragoman_requests_total{job=~"$job", provider=~"$provider"}' },
  ],
  rows: [
    { title: 'Now', panels: now },
    { title: 'Spent', panels: spent },
    { title: 'Not known', panels: unknown },
  ],
}
