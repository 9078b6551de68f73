/** What clients see: traffic, latency, errors, tokens. */
import { chart, type Dashboard, number, table } from './panels.ts'
import { quantile, quantiles, rateBy, select, share } from './queries.ts'

const routed = 'provider=~"$provider", model=~"$model"'
const faults = 'origin=~"gateway|upstream"'
const requests = rateBy('', 'dragoman_requests_total', routed)

const now = [
  number({
    title: 'Requests',
    description: 'Finished requests per second.',
    unit: 'reqps',
    queries: [{ expr: requests, legend: '' }],
  }),
  number({
    title: 'Error share',
    description: 'Requests that failed by the fault of a provider or of the gateway, of all requests.',
    unit: 'percentunit',
    queries: [
      {
        expr: share(rateBy('', 'dragoman_errors_total', faults), rateBy('', 'dragoman_requests_total')),
        legend: '',
      },
    ],
  }),
  number({
    title: 'Duration, p95',
    description: 'From the head of a request to the end of its answer.',
    unit: 's',
    queries: [{ expr: quantile(0.95, '', 'dragoman_request_duration_seconds', routed), legend: '' }],
  }),
  number({
    title: 'First token, p95',
    description: 'From the head of a streaming request to its first output.',
    unit: 's',
    queries: [{ expr: quantile(0.95, '', 'dragoman_time_to_first_token_seconds', routed), legend: '' }],
  }),
  number({
    title: 'In flight',
    description: 'Requests admitted and not yet answered to the end.',
    unit: 'short',
    queries: [{ expr: `sum(${select('dragoman_requests_in_flight')})`, legend: '' }],
  }),
  number({
    title: 'Open streams',
    description: 'Streams of which the first event has been sent and the last has not.',
    unit: 'short',
    queries: [{ expr: `sum(${select('dragoman_streams_open')})`, legend: '' }],
  }),
]

const traffic = [
  chart({
    title: 'Requests by provider',
    description:
      'The provider that answered, or that failed last; empty for requests refused before any call.',
    unit: 'reqps',
    stacked: true,
    queries: [{ expr: rateBy('provider', 'dragoman_requests_total', routed), legend: '{{provider}}' }],
  }),
  chart({
    title: 'Requests by model',
    description: 'The model that clients ask for. `_other`: names that no provider has answered to.',
    unit: 'reqps',
    stacked: true,
    queries: [{ expr: rateBy('model', 'dragoman_requests_total', routed), legend: '{{model}}' }],
  }),
  chart({
    title: 'Requests by end',
    description:
      'Final status of the response and class of the HTTP status. A stream that fails late has 2xx.',
    unit: 'reqps',
    stacked: true,
    queries: [
      {
        expr: rateBy('status, http_status', 'dragoman_requests_total', routed),
        legend: '{{status}} {{http_status}}',
      },
    ],
  }),
]

const latency = [
  chart({
    title: 'Duration',
    description: 'From the head of a request to the end of its answer.',
    unit: 's',
    queries: quantiles('dragoman_request_duration_seconds', routed),
  }),
  chart({
    title: 'Time to first token',
    description: 'From the head of a streaming request to its first output on the client connection.',
    unit: 's',
    queries: quantiles('dragoman_time_to_first_token_seconds', routed),
  }),
  chart({
    title: "The gateway's own time",
    description:
      'Duration of a request without waiting for providers. More than some milliseconds is worth a look.',
    unit: 's',
    queries: quantiles('dragoman_overhead_seconds'),
  }),
  chart({
    title: 'Duration by model, p95',
    description: 'Long answers take long: compare with the tokens.',
    unit: 's',
    width: 12,
    queries: [
      { expr: quantile(0.95, 'model', 'dragoman_request_duration_seconds', routed), legend: '{{model}}' },
    ],
  }),
  chart({
    title: 'Time to first token by model, p95',
    description: 'Of streaming requests.',
    unit: 's',
    width: 12,
    queries: [
      { expr: quantile(0.95, 'model', 'dragoman_time_to_first_token_seconds', routed), legend: '{{model}}' },
    ],
  }),
]

const errors = [
  chart({
    title: 'Errors by origin',
    description: 'Whose fault: the client (its request), the gateway, or upstream (a provider).',
    unit: 'reqps',
    stacked: true,
    queries: [{ expr: rateBy('origin', 'dragoman_errors_total'), legend: '{{origin}}' }],
  }),
  chart({
    title: 'Errors by code',
    description: 'The `code` that clients see.',
    unit: 'reqps',
    stacked: true,
    queries: [{ expr: rateBy('origin, code', 'dragoman_errors_total'), legend: '{{origin}}: {{code}}' }],
  }),
  chart({
    title: 'Clients that hung up',
    description: 'Before the end of their answer, by whether it was a stream.',
    unit: 'reqps',
    queries: [{ expr: rateBy('stream', 'dragoman_client_disconnects_total'), legend: 'stream {{stream}}' }],
  }),
]

const tokens = [
  chart({
    title: 'Tokens by type',
    description:
      'Failed calls included. cached_input and cache_write are part of input, reasoning is part of output.',
    unit: 'cps',
    queries: [{ expr: rateBy('type', 'dragoman_tokens_total', routed), legend: '{{type}}' }],
  }),
  chart({
    title: 'Tokens by model',
    description: 'Input and output together.',
    unit: 'cps',
    stacked: true,
    queries: [
      {
        expr: rateBy('model', 'dragoman_tokens_total', `${routed}, type=~"input|output"`),
        legend: '{{model}}',
      },
    ],
  }),
  chart({
    title: 'Cached share of input',
    description: 'Input tokens that the provider had cached, of all input tokens.',
    unit: 'percentunit',
    queries: [
      {
        expr: share(
          rateBy('provider', 'dragoman_tokens_total', `${routed}, type="cached_input"`),
          rateBy('provider', 'dragoman_tokens_total', `${routed}, type="input"`),
        ),
        legend: '{{provider}}',
      },
    ],
  }),
  table({
    title: 'Tokens in the chosen time',
    description: 'By provider, model, type and who counted: the provider, or the gateway by an estimate.',
    unit: 'short',
    queries: [
      {
        expr: `sum by (provider, model, type, usage) (increase(${select('dragoman_tokens_total', routed)}[$__range]))`,
        legend: '',
      },
    ],
  }),
]

export const overview: Dashboard = {
  uid: 'dragoman-overview',
  title: 'Dragoman: overview',
  description: 'What clients see: traffic, latency, errors by origin, tokens.',
  variables: [
    { name: 'provider', label: 'Provider', metric: 'dragoman_requests_total{job=~"$job"}' },
    { name: 'model', label: 'Model', metric: 'dragoman_requests_total{job=~"$job", provider=~"$provider"}' },
  ],
  rows: [
    { title: 'Now', panels: now },
    { title: 'Traffic', panels: traffic },
    { title: 'Latency', panels: latency },
    { title: 'Errors (all providers and models)', panels: errors },
    { title: 'Tokens', panels: tokens },
  ],
}
