/** The store in the dashboard of the gateway itself. Gateways that share one tell the same of it: their max, never their sum. */
import { chart, number } from './panels.ts'
import { quantile, rateBy, select } from './queries.ts'

/** Bytes of the store; of the largest, where each gateway has its own. */
const size = `max(sum by (instance) (${select('dragoman_store_size_bytes')}))`

export const storeNumbers = [
  number({
    title: 'Store',
    description: '1: it can be written to. 0: at least one gateway cannot write its store.',
    unit: 'short',
    queries: [{ expr: `min(${select('dragoman_store_healthy')})`, legend: '' }],
  }),
  number({
    title: 'Database',
    description: '1: it answers. 0: at least one gateway does not reach it.',
    unit: 'short',
    queries: [{ expr: `min(${select('dragoman_store_reachable')})`, legend: '' }],
  }),
  number({
    title: 'Store size',
    description: 'On disk: of the one that is shared, else of the largest.',
    unit: 'bytes',
    queries: [{ expr: size, legend: '' }],
  }),
]

export const storePanels = [
  chart({
    title: 'Store by part',
    description: 'On disk. free: pages that are used again; wal: the write-ahead log; all: not told apart.',
    unit: 'bytes',
    stacked: true,
    queries: [{ expr: `max by (part) (${select('dragoman_store_size_bytes')})`, legend: '{{part}}' }],
  }),
  chart({
    title: 'Store size and limit',
    description: 'Past `log.retention.maxBytes` the oldest is removed.',
    unit: 'bytes',
    queries: [
      { expr: size, legend: 'size' },
      { expr: `max(${select('dragoman_retention_limit_bytes')})`, legend: 'limit' },
    ],
  }),
  chart({
    title: 'Writes waiting',
    description: 'Handed to the store and not yet committed.',
    unit: 'short',
    queries: [{ expr: select('dragoman_store_writes_waiting'), legend: '{{instance}}' }],
  }),
  chart({
    title: 'Retention: the oldest',
    description: 'Age of the oldest there is of each kind, which should stay below its limit.',
    unit: 's',
    queries: [
      { expr: `max by (kind) (${select('dragoman_store_oldest_age_seconds')})`, legend: '{{kind}}' },
      { expr: `max by (kind) (${select('dragoman_retention_limit_seconds')})`, legend: '{{kind}}, limit' },
    ],
  }),
  chart({
    title: 'Retention: removed',
    description: 'Per second, by kind.',
    unit: 'cps',
    queries: [{ expr: rateBy('kind', 'dragoman_retention_pruned_total'), legend: '{{kind}}' }],
  }),
  chart({
    title: 'Retention: who and how',
    description: 'One gateway removes for all that share a store. Rounds that failed are per hour.',
    unit: 'short',
    queries: [
      { expr: select('dragoman_retention_leader'), legend: '{{instance}} leads' },
      { expr: `${rateBy('', 'dragoman_retention_failures_total')} * 3600`, legend: 'failed rounds' },
    ],
  }),
  number({
    title: 'Last round',
    description: 'When retention last came to its end without an error.',
    unit: 'dateTimeFromNow',
    queries: [
      {
        expr: `max(${select('dragoman_retention_last_success_timestamp_seconds')}) * 1000`,
        legend: '',
      },
    ],
  }),
  number({
    title: 'Live tails',
    description: 'Of the request log, open in browsers and scripts.',
    unit: 'short',
    queries: [{ expr: `sum(${select('dragoman_live_tails_open')})`, legend: '' }],
  }),
  number({
    title: 'Threads replaced',
    description: 'In the chosen time: threads of queries that gave no answer. Look at the disk.',
    unit: 'short',
    queries: [
      { expr: `sum(increase(${select('dragoman_store_threads_replaced_total')}[$__range]))`, legend: '' },
    ],
  }),
  chart({
    title: 'Queries, p95',
    description: 'Of the dashboard and the admin API, waiting included. A page should take less than 200 ms.',
    unit: 's',
    queries: [
      { expr: quantile(0.95, 'query', 'dragoman_store_query_duration_seconds'), legend: '{{query}}' },
    ],
  }),
  chart({
    title: 'Queries by outcome',
    description: 'timeout: not done by their deadline. refused: too many were waiting.',
    unit: 'reqps',
    queries: [{ expr: rateBy('outcome', 'dragoman_store_queries_total'), legend: '{{outcome}}' }],
  }),
]
