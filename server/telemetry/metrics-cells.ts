/**
 * Counters and histograms for the hot path: a cell is found once by its labels, then only added to, and prints
 * itself for a scrape. prom-client's own children build and hash their labels anew on each call (1.4 µs, and a request
 * makes some twenty), and printing them blocks the event loop several times as long.
 */

import { toOpenMetrics } from './metrics-text.ts'

/** One cell per label set; a label is one step down a tree, so that nothing is joined or hashed for a lookup. */
type Node<Cell> = Map<string, Node<Cell> | Cell>

interface MetricOptions {
  name: string
  help: string
  /** At least one: what has no labels may as well be prom-client's. */
  labelNames: readonly string[]
}

abstract class CellMetric<Cell extends { render(openMetrics: boolean): string }> {
  private readonly options: MetricOptions
  private readonly root: Node<Cell> = new Map()
  private readonly cells: Cell[] = []

  constructor(options: MetricOptions) {
    this.options = options
  }

  protected abstract readonly type: 'counter' | 'histogram'
  protected abstract create(name: string, labels: string): Cell

  /** @param values one per label name, in their order. */
  cell(...values: string[]): Cell {
    const last = this.options.labelNames.length - 1
    let node = this.root
    for (let depth = 0; depth < last; depth++) {
      let next = node.get(values[depth]!) as Node<Cell> | undefined
      if (next === undefined) {
        next = new Map()
        node.set(values[depth]!, next)
      }
      node = next
    }
    return (node.get(values[last]!) as Cell | undefined) ?? this.add(node, values)
  }

  private add(node: Node<Cell>, values: readonly string[]): Cell {
    const { name, labelNames } = this.options
    if (values.length !== labelNames.length)
      throw new Error(`${name} has the labels ${labelNames.join(', ')}; ${values.length} values were given.`)
    const labels = labelNames.map((label, index) => `${label}="${escapeLabel(values[index]!)}"`).join(',')
    const cell = this.create(name, labels)
    node.set(values.at(-1)!, cell)
    this.cells.push(cell)
    return cell
  }

  /**
   * With a line feed at the end, in the Prometheus text format 0.0.4.
   * @param openMetrics in OpenMetrics 1.0 instead, with exemplars.
   */
  render(openMetrics = false): string {
    const head = `# HELP ${this.options.name} ${escapeHelp(this.options.help)}\n# TYPE ${this.options.name} ${this.type}\n`
    return (
      (openMetrics ? toOpenMetrics(head) : head) + this.cells.map((cell) => cell.render(openMetrics)).join('')
    )
  }
}

function escapeHelp(help: string): string {
  return help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}

class CounterCell {
  private readonly head: string
  private readonly divisor: number
  private value = 0

  constructor(name: string, labels: string, divisor: number) {
    this.head = `${name}{${labels}}`
    this.divisor = divisor
  }

  /** @param count not below 0. */
  inc(count = 1): void {
    this.value += count
  }

  render(): string {
    return `${this.head} ${this.value / this.divisor}\n`
  }
}

export class CellCounter extends CellMetric<CounterCell> {
  protected readonly type = 'counter'
  private readonly divisor: number

  /**
   * @param options `divisor`: what is added is so many times what is shown (default 1), so that fractions of a unit are
   * added as whole numbers, without loss.
   */
  constructor(options: MetricOptions & { divisor?: number }) {
    super(options)
    this.divisor = options.divisor ?? 1
  }

  protected create(name: string, labels: string): CounterCell {
    return new CounterCell(name, labels, this.divisor)
  }
}

/** The last request of each bucket that was traced. */
interface Exemplars {
  traceIds: (string | null)[]
  values: Float64Array
  /** Unix seconds. */
  times: Float64Array
}

class HistogramCell {
  private readonly name: string
  private readonly labels: string
  private readonly bounds: readonly number[]
  /** Observations in each bucket alone; the last is past all bounds. */
  private readonly counts: Float64Array
  private sum = 0
  /** Null until there is one: most gateways do not trace. */
  private exemplars: Exemplars | null = null

  constructor(name: string, labels: string, bounds: readonly number[]) {
    this.name = name
    this.labels = labels
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  /** @param traceId of a trace that is kept, so that a chart can lead to it. */
  observe(value: number, traceId: string | null = null): void {
    let bucket = 0
    while (bucket < this.bounds.length && value > this.bounds[bucket]!) bucket++
    this.counts[bucket]! += 1
    this.sum += value
    if (traceId !== null) this.keepExemplar(bucket, value, traceId)
  }

  private keepExemplar(bucket: number, value: number, traceId: string): void {
    const length = this.counts.length
    this.exemplars ??= {
      traceIds: Array<string | null>(length).fill(null),
      values: new Float64Array(length),
      times: new Float64Array(length),
    }
    this.exemplars.traceIds[bucket] = traceId
    this.exemplars.values[bucket] = value
    this.exemplars.times[bucket] = Date.now() / 1000
  }

  private renderExemplar(bucket: number): string {
    const traceId = this.exemplars?.traceIds[bucket] ?? null
    if (this.exemplars === null || traceId === null) return ''
    return ` # {trace_id="${traceId}"} ${this.exemplars.values[bucket]} ${this.exemplars.times[bucket]}`
  }

  /** Printed buckets count all that lies below their bound. */
  render(openMetrics: boolean): string {
    const { name, labels } = this
    let total = 0
    let text = ''
    for (let bucket = 0; bucket < this.counts.length; bucket++) {
      total += this.counts[bucket]!
      const exemplar = openMetrics ? this.renderExemplar(bucket) : ''
      text += `${name}_bucket{${labels},le="${this.bounds[bucket] ?? '+Inf'}"} ${total}${exemplar}\n`
    }
    return `${text}${name}_sum{${labels}} ${this.sum}\n${name}_count{${labels}} ${total}\n`
  }
}

export class CellHistogram extends CellMetric<HistogramCell> {
  protected readonly type = 'histogram'
  private readonly buckets: readonly number[]

  /** @param options with the upper bounds of the buckets, ascending, without infinity. */
  constructor(options: MetricOptions & { buckets: readonly number[] }) {
    super(options)
    this.buckets = options.buckets
  }

  protected create(name: string, labels: string): HistogramCell {
    return new HistogramCell(name, labels, this.buckets)
  }
}
