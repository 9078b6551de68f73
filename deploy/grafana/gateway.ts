/** The gateway itself: its store, its log, background responses, the process. */
import { chart, type Dashboard, number, table } from './panels.ts'
import { quantile, rateBy, select } from './queries.ts'
import { storeNumbers, storePanels } from './store.ts'

const state = [
  number({
    title: 'Gateways that answer',
    description: 'Processes that Prometheus can scrape.',
    unit: 'short',
    queries: [{ expr: `sum(${select('up')})`, legend: '' }],
  }),
  ...storeNumbers,
  number({
    title: 'Log rows dropped',
    description: 'In the chosen time. Anything but 0 is a hole in the record.',
    unit: 'short',
    queries: [{ expr: `sum(increase(${select('dragoman_log_rows_dropped_total')}[$__range]))`, legend: '' }],
  }),
  number({
    title: 'Background, queued',
    description: 'Background responses that wait for a place.',
    unit: 'short',
    queries: [{ expr: `sum(${select('dragoman_background_jobs', 'state="queued"')})`, legend: '' }],
  }),
  number({
    title: 'Started',
    description: 'The youngest process.',
    unit: 'dateTimeFromNow',
    queries: [{ expr: `max(${select('process_start_time_seconds')}) * 1000`, legend: '' }],
  }),
  number({
    title: 'Configuration',
    description:
      '1: the last try to load one succeeded everywhere. 0: somewhere an older one stays in force.',
    unit: 'short',
    queries: [{ expr: `min(${select('dragoman_config_last_load_successful')})`, legend: '' }],
  }),
  number({
    title: 'Loaded',
    description: 'The oldest configuration that is in force anywhere.',
    unit: 'dateTimeFromNow',
    queries: [
      {
        expr: `min(${select('dragoman_config_last_load_success_timestamp_seconds')}) * 1000`,
        legend: '',
      },
    ],
  }),
  table({
    title: 'Versions',
    description: 'What runs where.',
    unit: 'short',
    queries: [
      { expr: `max by (instance, version, node_version) (${select('dragoman_build_info')})`, legend: '' },
    ],
  }),
]

const record = [
  chart({
    title: 'Log rows',
    description: 'Written and dropped per second.',
    unit: 'cps',
    queries: [
      { expr: rateBy('', 'dragoman_log_rows_written_total'), legend: 'written' },
      { expr: rateBy('', 'dragoman_log_rows_dropped_total'), legend: 'dropped' },
      { expr: rateBy('', 'dragoman_log_bodies_dropped_total'), legend: 'bodies dropped' },
    ],
  }),
  chart({
    title: 'Log rows waiting',
    description: 'For the writer. Past `log.queueRows` rows are dropped.',
    unit: 'short',
    queries: [{ expr: select('dragoman_log_rows_queued'), legend: '{{instance}}' }],
  }),
  chart({
    title: 'Log bytes waiting',
    description: 'Bodies for the writer. Past `log.queueBytes` bodies are dropped.',
    unit: 'bytes',
    queries: [{ expr: select('dragoman_log_queued_bytes'), legend: '{{instance}}' }],
  }),
  chart({
    title: 'Background responses',
    description: 'Running, and queued: accepted and waiting for one of the `state.backgroundJobs` places.',
    unit: 'short',
    width: 24,
    queries: [{ expr: `sum by (state) (${select('dragoman_background_jobs')})`, legend: '{{state}}' }],
  }),
]

const process = [
  chart({
    title: 'Event loop lag, p99',
    description: 'How late the event loop comes to what is due; every stream waits that long.',
    unit: 's',
    queries: [{ expr: select('nodejs_eventloop_lag_p99_seconds'), legend: '{{instance}}' }],
  }),
  chart({
    title: 'CPU',
    description: 'Cores in use, all threads. The event loop alone can use one.',
    unit: 'short',
    queries: [{ expr: rateBy('instance', 'process_cpu_seconds_total'), legend: '{{instance}}' }],
  }),
  chart({
    title: 'Memory',
    description: 'Resident, and the heap in use.',
    unit: 'bytes',
    queries: [
      { expr: select('process_resident_memory_bytes'), legend: '{{instance}} resident' },
      { expr: select('nodejs_heap_size_used_bytes'), legend: '{{instance}} heap' },
    ],
  }),
  chart({
    title: "The gateway's own time, p95",
    description: 'Duration of a request without waiting for providers, streams apart.',
    unit: 's',
    queries: [{ expr: quantile(0.95, 'stream', 'dragoman_overhead_seconds'), legend: 'stream {{stream}}' }],
  }),
  chart({
    title: 'Garbage collection',
    description: 'Seconds per second, by kind.',
    unit: 'percentunit',
    queries: [{ expr: rateBy('kind', 'nodejs_gc_duration_seconds_sum'), legend: '{{kind}}' }],
  }),
  chart({
    title: 'File descriptors',
    description: 'Open, beside the most that the process may open: each connection takes one.',
    unit: 'short',
    queries: [
      { expr: select('process_open_fds'), legend: '{{instance}} open' },
      { expr: select('process_max_fds'), legend: '{{instance}} limit' },
    ],
  }),
]

export const gateway: Dashboard = {
  uid: 'dragoman-gateway',
  title: 'Dragoman: the gateway itself',
  description: 'Store, request log, background responses, event loop, memory.',
  variables: [],
  rows: [
    { title: 'State', panels: state },
    { title: 'Record and background', panels: record },
    { title: 'Store', panels: storePanels },
    { title: 'Process', panels: process },
  ],
}
