/** Metrics whose figures are kept elsewhere and read at each scrape. */
import { Counter, Gauge, type Registry } from 'prom-client'

export interface ReadMetric {
  registry: Registry
  name: string
  help: string
  /** Null or a throw leaves the sample out, and the rest of the scrape stands. */
  read: () => number | null
}

export interface ReadMetricBy {
  registry: Registry
  name: string
  help: string
  label: string
  /** By the values of the label, which are a closed set; what is absent or null has no sample. */
  read: () => Partial<Record<string, number | null>>
}

/** A counter whose total is kept elsewhere. */
export function createReadCounter({ registry, name, help, read }: ReadMetric): void {
  new Counter({
    registers: [registry],
    name,
    help,
    collect() {
      this.reset()
      this.inc(Math.max(0, orNull(read) ?? 0))
    },
  })
}

export function createReadGauge({ registry, name, help, read }: ReadMetric): void {
  new Gauge({
    registers: [registry],
    name,
    help,
    collect() {
      const value = orNull(read)
      if (value === null) this.remove()
      else this.set(value)
    },
  })
}

export function createReadCounterBy({ registry, name, help, label, read }: ReadMetricBy): void {
  new Counter({
    registers: [registry],
    name,
    help,
    labelNames: [label],
    collect() {
      this.reset()
      for (const [value, count] of valuesOf(read)) this.labels(value).inc(Math.max(0, count))
    },
  })
}

export function createReadGaugeBy({ registry, name, help, label, read }: ReadMetricBy): void {
  new Gauge({
    registers: [registry],
    name,
    help,
    labelNames: [label],
    collect() {
      this.reset()
      for (const [value, figure] of valuesOf(read)) this.labels(value).set(figure)
    },
  })
}

function valuesOf(read: ReadMetricBy['read']): [string, number][] {
  return Object.entries(orNull(read) ?? {}).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number' && !Number.isNaN(entry[1]),
  )
}

function orNull<Value>(read: () => Value): Value | null {
  try {
    return read()
  } catch {
    return null
  }
}
