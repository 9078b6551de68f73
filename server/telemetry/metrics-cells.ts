/**
 * Counters and histograms for the hot path: a cell is found once by its labels, then only added to, and prints
 * itself for a scrape. prom-client's own children build and hash their labels anew on each call (1.4 µs, and a request
 * makes some twenty), and printing them blocks the event loop several times as long.
 */

/** One cell per label set; a label is one step down a tree, so that nothing is joined or hashed for a lookup. */
type Node<Cell> = Map<string, Node<Cell> | Cell>

interface MetricOptions {
  name: string
  help: string
  /** At least one: what has no labels may as well be prom-client's. */
  labelNames: readonly string[]
}

abstract class CellMetric<Cell extends { render(): string }> {
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

  /** In the Prometheus text format 0.0.4, with a line feed at the end. */
  render(): string {
    const { name, help } = this.options
    const head = `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${this.type}\n`
    return head + this.cells.map((cell) => cell.render()).join('')
  }
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}

class CounterCell {
  private readonly head: string
  private value = 0

  constructor(name: string, labels: string) {
    this.head = `${name}{${labels}}`
  }

  /** @param count not below 0. */
  inc(count = 1): void {
    this.value += count
  }

  render(): string {
    return `${this.head} ${this.value}\n`
  }
}

export class CellCounter extends CellMetric<CounterCell> {
  protected readonly type = 'counter'

  protected create(name: string, labels: string): CounterCell {
    return new CounterCell(name, labels)
  }
}

class HistogramCell {
  private readonly name: string
  private readonly labels: string
  private readonly bounds: readonly number[]
  /** Observations in each bucket alone; the last is past all bounds. */
  private readonly counts: Float64Array
  private sum = 0

  constructor(name: string, labels: string, bounds: readonly number[]) {
    this.name = name
    this.labels = labels
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    let bucket = 0
    while (bucket < this.bounds.length && value > this.bounds[bucket]!) bucket++
    this.counts[bucket]! += 1
    this.sum += value
  }

  /** Printed buckets count all that lies below their bound. */
  render(): string {
    const { name, labels } = this
    let total = 0
    let text = ''
    for (let bucket = 0; bucket < this.counts.length; bucket++) {
      total += this.counts[bucket]!
      text += `${name}_bucket{${labels},le="${this.bounds[bucket] ?? '+Inf'}"} ${total}\n`
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
