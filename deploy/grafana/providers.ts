/** What the gateway sees of each provider, call by call. */
import { chart, type Dashboard } from './panels.ts'
import { providerFaults, quantile, rateBy, share } from './queries.ts'

const provider = 'provider=~"$provider"'
const genAi = 'gen_ai_provider_name=~"$provider"'

const health = [
  chart({
    title: 'Calls by provider',
    description: 'Calls made, the failed ones included: a request may take several.',
    unit: 'reqps',
    stacked: true,
    queries: [{ expr: rateBy('provider', 'dragoman_attempts_total', provider), legend: '{{provider}}' }],
  }),
  chart({
    title: 'Failed share of calls',
    description: 'Calls that failed by the fault of the provider or of the account there, of all calls.',
    unit: 'percentunit',
    queries: [
      {
        expr: share(
          rateBy('provider', 'dragoman_attempts_total', `${provider}, ${providerFaults}`),
          rateBy('provider', 'dragoman_attempts_total', provider),
        ),
        legend: '{{provider}}',
      },
    ],
  }),
  chart({
    title: 'Failed calls by code',
    description: 'client_closed_request: given up, since the client had gone.',
    unit: 'reqps',
    stacked: true,
    queries: [
      {
        expr: rateBy('provider, error_code', 'dragoman_attempts_total', `${provider}, error_code!=""`),
        legend: '{{provider}}: {{error_code}}',
      },
    ],
  }),
  chart({
    title: 'Retries',
    description: 'Calls repeated at the same provider and model.',
    unit: 'reqps',
    width: 12,
    queries: [{ expr: rateBy('provider', 'dragoman_retries_total', provider), legend: '{{provider}}' }],
  }),
  chart({
    title: 'Fallbacks',
    description: 'Requests passed on from a provider that failed to the next target of the model.',
    unit: 'reqps',
    width: 12,
    queries: [
      {
        expr: rateBy('from, to', 'dragoman_fallbacks_total', 'from=~"$provider"'),
        legend: '{{from}} → {{to}}',
      },
    ],
  }),
]

const speed = [
  chart({
    title: 'Duration of a call, p95',
    description: 'Of each call by itself.',
    unit: 's',
    queries: [
      {
        expr: quantile(0.95, 'gen_ai_provider_name', 'gen_ai_client_operation_duration_seconds', genAi),
        legend: '{{gen_ai_provider_name}}',
      },
    ],
  }),
  chart({
    title: 'Time to first chunk, p95',
    description: 'From sending a streaming call to its first output.',
    unit: 's',
    queries: [
      {
        expr: quantile(
          0.95,
          'gen_ai_provider_name',
          'gen_ai_client_operation_time_to_first_chunk_seconds',
          genAi,
        ),
        legend: '{{gen_ai_provider_name}}',
      },
    ],
  }),
  chart({
    title: 'Time per output chunk, p95',
    description:
      'Mean time between the output events of one streaming call; 0 for streams made by the gateway.',
    unit: 's',
    queries: [
      {
        expr: quantile(
          0.95,
          'gen_ai_provider_name',
          'gen_ai_client_operation_time_per_output_chunk_seconds',
          genAi,
        ),
        legend: '{{gen_ai_provider_name}}',
      },
    ],
  }),
  chart({
    title: 'Duration of a call by model, p95',
    description: "By the provider's own name of the model.",
    unit: 's',
    width: 24,
    queries: [
      {
        expr: quantile(
          0.95,
          'gen_ai_provider_name, gen_ai_request_model',
          'gen_ai_client_operation_duration_seconds',
          genAi,
        ),
        legend: '{{gen_ai_provider_name}}: {{gen_ai_request_model}}',
      },
    ],
  }),
]

const use = [
  chart({
    title: 'Input tokens of a call, p95',
    description: 'As the provider counted them; the cached ones included.',
    unit: 'short',
    queries: [
      {
        expr: quantile(
          0.95,
          'gen_ai_provider_name',
          'gen_ai_client_token_usage',
          `${genAi}, gen_ai_token_type="input"`,
        ),
        legend: '{{gen_ai_provider_name}}',
      },
    ],
  }),
  chart({
    title: 'Output tokens of a call, p95',
    description: 'As the provider counted them; reasoning included.',
    unit: 'short',
    queries: [
      {
        expr: quantile(
          0.95,
          'gen_ai_provider_name',
          'gen_ai_client_token_usage',
          `${genAi}, gen_ai_token_type="output"`,
        ),
        legend: '{{gen_ai_provider_name}}',
      },
    ],
  }),
  chart({
    title: 'Adaptations',
    description: 'What was changed because the provider cannot take it as it is.',
    unit: 'cps',
    queries: [
      {
        expr: rateBy('provider, action, field', 'dragoman_adaptations_total', provider),
        legend: '{{provider}}: {{action}} {{field}}',
      },
    ],
  }),
]

export const providers: Dashboard = {
  uid: 'dragoman-providers',
  title: 'Dragoman: providers',
  description: 'Calls to providers: failures, retries and fallbacks, speed, tokens, adaptations.',
  variables: [{ name: 'provider', label: 'Provider', metric: 'dragoman_attempts_total{job=~"$job"}' }],
  rows: [
    { title: 'Health', panels: health },
    { title: 'Speed', panels: speed },
    { title: 'Use', panels: use },
  ],
}
