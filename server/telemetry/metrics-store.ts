/** Metrics of the store, its retention and the queue of the log, read at each scrape. */
import type { Registry } from 'prom-client'
import type { LogFigures, RetainedKind, StoreFigures } from './metrics-figures.ts'
import { createReadCounter, createReadCounterBy, createReadGauge, createReadGaugeBy } from './metrics-read.ts'

export function addLogSeries(registry: Registry, log: () => LogFigures): void {
  createReadCounter({
    registry,
    name: 'dragoman_log_rows_written_total',
    help: 'Rows of the request log committed to the store; a request written while it runs counts again at its end.',
    read: () => log().written,
  })
  createReadCounter({
    registry,
    name: 'dragoman_log_rows_dropped_total',
    help: 'Rows of the request log lost because the queue was full or the store refused them.',
    read: () => log().dropped,
  })
  createReadGauge({
    registry,
    name: 'dragoman_log_rows_queued',
    help: 'Rows of the request log waiting for the writer.',
    read: () => log().queued,
  })
  createReadCounter({
    registry,
    name: 'dragoman_log_bodies_dropped_total',
    help: 'Requests of which the log kept the row and lost the bodies.',
    read: () => log().bodiesDropped ?? 0,
  })
  createReadGauge({
    registry,
    name: 'dragoman_log_queued_bytes',
    help: 'Bytes of bodies waiting for the writer of the request log.',
    read: () => log().queuedBytes ?? 0,
  })
}

/** What the scrape under way knows; null: the store could not be asked. */
type Read = () => StoreFigures | null

export function addStoreSeries(registry: Registry, read: Read): void {
  createReadGaugeBy({
    registry,
    name: 'dragoman_store_size_bytes',
    help: 'Size of the store on disk in bytes, by part (all: not told apart); gateways on one PostgreSQL tell the same.',
    label: 'part',
    read: () => {
      const figures = read()
      return figures?.parts ?? { all: figures?.sizeBytes ?? null }
    },
  })
  createReadGauge({
    registry,
    name: 'dragoman_store_healthy',
    help: '1 while the store can be written to, else 0.',
    read: () => {
      const figures = read()
      return figures === null ? null : toFlag(figures.healthy)
    },
  })
  createReadGauge({
    registry,
    name: 'dragoman_store_reachable',
    help: '1 while the database answers (PostgreSQL: its server), else 0.',
    read: () => {
      const figures = read()
      return toFlag(figures !== null && (figures.reachable ?? figures.healthy))
    },
  })
  createReadGauge({
    registry,
    name: 'dragoman_store_writes_waiting',
    help: 'Writes of the log and of state handed to the store and not yet committed.',
    read: () => read()?.writesWaiting ?? null,
  })
  createReadCounter({
    registry,
    name: 'dragoman_store_threads_replaced_total',
    help: 'Threads of queries that gave no answer (a disk that hangs) and were replaced.',
    read: () => read()?.threadsReplaced ?? 0,
  })
  addRetentionSeries(registry, () => read()?.retention ?? null)
}

function addRetentionSeries(registry: Registry, read: () => StoreFigures['retention'] | null): void {
  createReadGauge({
    registry,
    name: 'dragoman_retention_leader',
    help: '1 in the gateway that removes for all that share the store, else 0.',
    read: () => {
      const retention = read() ?? null
      return retention === null ? null : toFlag(retention.leads)
    },
  })
  createReadGauge({
    registry,
    name: 'dragoman_retention_last_success_timestamp_seconds',
    help: 'When this gateway last finished a round of retention, in Unix seconds.',
    read: () => toSeconds(read()?.lastRunAt),
  })
  createReadCounter({
    registry,
    name: 'dragoman_retention_failures_total',
    help: 'Rounds of retention that failed.',
    read: () => read()?.failures ?? 0,
  })
  createReadCounterBy({
    registry,
    name: 'dragoman_retention_pruned_total',
    help: 'What retention has removed, by kind.',
    label: 'kind',
    read: () => read()?.pruned ?? {},
  })
  addRetentionLimits(registry, read)
}

function addRetentionLimits(registry: Registry, read: () => StoreFigures['retention'] | null): void {
  createReadGaugeBy({
    registry,
    name: 'dragoman_store_oldest_age_seconds',
    help: 'Age of the oldest there is in the store, by kind.',
    label: 'kind',
    read: () => mapKinds(read()?.oldestAt, (at) => Math.max(0, (Date.now() - at) / 1000)),
  })
  createReadGaugeBy({
    registry,
    name: 'dragoman_retention_limit_seconds',
    help: 'How long the configuration keeps things, by kind.',
    label: 'kind',
    read: () => mapKinds(read()?.keptFor, (kept) => kept / 1000),
  })
  createReadGauge({
    registry,
    name: 'dragoman_retention_limit_bytes',
    help: 'Size past which the configuration lets retention remove the oldest, in bytes.',
    read: () => read()?.maxBytes ?? null,
  })
}

function mapKinds(
  figures: Partial<Record<RetainedKind, number | null>> | undefined,
  convert: (figure: number) => number,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(figures ?? {}).flatMap(([kind, figure]) =>
      typeof figure === 'number' ? [[kind, convert(figure)]] : [],
    ),
  )
}

function toFlag(value: boolean): number {
  return value ? 1 : 0
}

function toSeconds(milliseconds: number | null | undefined): number | null {
  return milliseconds === null || milliseconds === undefined ? null : milliseconds / 1000
}
