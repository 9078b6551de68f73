import { html, LitElement, nothing, type PropertyValues, svg } from 'lit'
import { computeCountTicks, computeTicks, computeTimeTicks, drawPath, splitLine } from '../model/chart.ts'
import { formatInstant, formatTick } from '../model/format.ts'
import { baseStyles } from '../styles/shared.ts'
import { timeChartStyles } from './time-chart-styles.ts'

export interface Series {
  name: string
  /** Colour class: `one`, `two`, `three` or `bad`. */
  tone: string
  /** One value per time; null leaves a gap. */
  values: (number | null)[]
}

const height = 188
const margin = { top: 10, right: 4, bottom: 24, left: 56 }

/**
 * Stacked bars or lines over equal buckets of time. Drawn in whole pixels at the size it has. The pointer or the
 * arrow keys choose a bucket, whose values stand in the legend and are read out.
 */
export class TimeChart extends LitElement {
  static override properties = {
    heading: { type: String },
    kind: { type: String },
    times: { attribute: false },
    labels: { attribute: false },
    bucketSeconds: { attribute: false },
    series: { attribute: false },
    format: { attribute: false },
    absent: { type: String },
    counts: { type: Boolean },
    width: { state: true },
    chosen: { state: true },
  }
  static override styles = [baseStyles, timeChartStyles]
  heading = ''
  kind: 'bars' | 'lines' = 'bars'
  /** Start of each bucket, ISO 8601. */
  times: string[] = []
  bucketSeconds = 60
  /** Names of the buckets where they are not of one length, such as months; else empty. */
  labels: string[] = []
  series: Series[] = []
  format: (value: number | null) => string = String
  /** What stands for a null. */
  absent = 'none'
  /** Whole numbers only on the axis. */
  counts = false
  width = 0
  chosen: number | null = null
  #observer = new ResizeObserver(([entry]) => {
    this.width = Math.floor(entry!.contentRect.width)
  })

  override firstUpdated() {
    this.#observer.observe(this.renderRoot.querySelector('.plot')!)
  }

  override disconnectedCallback() {
    super.disconnectedCallback()
    this.#observer.disconnect()
  }

  override connectedCallback() {
    super.connectedCallback()
    if (this.hasUpdated) this.#observer.observe(this.renderRoot.querySelector('.plot')!)
  }

  override willUpdate(changed: PropertyValues) {
    if (changed.has('times') && this.chosen !== null && this.chosen >= this.times.length) this.chosen = null
  }

  override render() {
    return html`<figure>
      <figcaption>
        <h2>${this.heading}</h2>
        <span class="when number">${this.chosen === null ? '' : this.#describeBucket(this.chosen)}</span>
      </figcaption>
      <ul class="legend">
        ${this.series.map((series) => this.#renderLegend(series))}
      </ul>
      <div
        class="plot"
        tabindex="0"
        role="group"
        aria-roledescription="chart"
        aria-label=${`${this.heading} over time. Arrow keys read the values.`}
        @pointermove=${this.#point}
        @pointerdown=${this.#point}
        @pointerleave=${this.#leave}
        @blur=${this.#leave}
        @keydown=${this.#step}
      >
        ${this.width > 0 ? this.#renderPlot() : nothing}
      </div>
      <p class="visually-hidden" aria-live="polite">${this.#readOut()}</p>
    </figure>`
  }

  #renderLegend(series: Series) {
    const value = this.chosen === null ? undefined : (series.values[this.chosen] ?? null)
    return html`<li>
      <i class=${series.tone}></i><span title=${series.name}>${series.name}</span>
      ${value === undefined ? nothing : html`<b class="number">${value === null ? this.absent : this.format(value)}</b>`}
    </li>`
  }

  #renderPlot() {
    const ticks = this.#ticks
    const top = ticks[ticks.length - 1]!
    const label = this.series.map(({ name }) => name).join(', ')
    return html`<svg width=${this.width} height=${height} role="img" aria-label=${`${this.heading}: ${label}`}>
      ${ticks.map((tick) => this.#renderTick(tick, top))} ${this.#renderTimes()}
      ${this.kind === 'bars' ? this.#renderBars(top) : this.series.map((series) => this.#renderLine(series, top))}
      ${this.#renderCursor(top)}
    </svg>`
  }

  #renderTick(tick: number, top: number) {
    const y = Math.round(this.#y(tick, top)) + 0.5
    return svg`<line class=${tick === 0 ? 'axis' : 'grid'} x1=${margin.left} x2=${this.width - margin.right} y1=${y} y2=${y}></line>
      <text class="tick" x=${margin.left - 8} y=${y + 3.5} text-anchor="end">${this.format(tick)}</text>`
  }

  #renderTimes() {
    if (this.labels.length > 0) return this.#renderLabels()
    const from = Date.parse(this.times[0] ?? '')
    const span = this.times.length * this.bucketSeconds * 1000
    if (!(span > 0) || Number.isNaN(from)) return nothing
    const count = Math.max(2, Math.floor(this.#inner / 90))
    return computeTimeTicks(from, from + span, count).map((at) => {
      const x = margin.left + ((at - from) / span) * this.#inner
      const edge = x < margin.left + 18 ? 'start' : x > this.width - 20 ? 'end' : 'middle'
      return svg`<text class="tick" x=${Math.round(x)} y=${height - 6} text-anchor=${edge}>${formatTick(new Date(at), span / 1000)}</text>`
    })
  }

  /** As many as there is room for, under the middles of their buckets. */
  #renderLabels() {
    const step = Math.ceil((this.labels.length * 80) / this.#inner)
    const first = this.labels.findIndex((_, index) => this.#middle(index) >= margin.left + 30)
    return this.labels.map((label, index) => {
      const x = Math.round(this.#middle(index))
      if (index < first || (index - first) % step !== 0 || x > this.width - 32) return nothing
      return svg`<text class="tick" x=${x} y=${height - 6} text-anchor="middle">${label}</text>`
    })
  }

  #renderBars(top: number) {
    return this.times.map((_, index) => {
      const left = Math.round(this.#edge(index))
      const right = Math.round(this.#edge(index + 1))
      const gap = right - left > 4 ? 1 + Number(right - left > 12) : 0
      let sum = 0
      return this.series.map((series) => {
        const value = series.values[index] ?? 0
        if (value === 0) return nothing
        const bottom = Math.round(this.#y(sum, top))
        sum += value
        // A value too small to be seen still gets a pixel.
        const y = Math.min(Math.round(this.#y(sum, top)), bottom - 1)
        return svg`<rect class=${series.tone} x=${left} y=${y} width=${Math.max(1, right - left - gap)} height=${bottom - y}></rect>`
      })
    })
  }

  #renderLine(series: Series, top: number) {
    const points = series.values.map((value, index) =>
      value === null ? null : { x: this.#middle(index), y: this.#y(value, top) },
    )
    return splitLine(points).map((run) =>
      run.length === 1
        ? svg`<circle class="dot ${series.tone}" cx=${run[0]!.x} cy=${run[0]!.y} r="2.5"></circle>`
        : svg`<path class="line ${series.tone}" d=${drawPath(run)}></path>`,
    )
  }

  #renderCursor(top: number) {
    const { chosen } = this
    if (chosen === null) return nothing
    const x = this.#edge(chosen)
    const band = svg`<rect class="band" x=${Math.round(x)} y=${margin.top} width=${Math.max(1, Math.round(this.#edge(chosen + 1) - x))} height=${height - margin.top - margin.bottom}></rect>`
    if (this.kind === 'bars') return band
    const dots = this.series.map((series) => {
      const value = series.values[chosen] ?? null
      if (value === null) return nothing
      return svg`<circle class="dot ring ${series.tone}" cx=${this.#middle(chosen)} cy=${this.#y(value, top)} r="4"></circle>`
    })
    return [band, dots]
  }

  get #inner(): number {
    return Math.max(1, this.width - margin.left - margin.right)
  }

  get #ticks(): number[] {
    const sums = this.times.map((_, index) => {
      const values = this.series.map((series) => series.values[index] ?? 0)
      return this.kind === 'bars' ? values.reduce((sum, value) => sum + value, 0) : Math.max(0, ...values)
    })
    const max = Math.max(0, ...sums)
    return this.counts ? computeCountTicks(max) : computeTicks(max)
  }

  #y(value: number, top: number): number {
    return height - margin.bottom - (value / top) * (height - margin.top - margin.bottom)
  }

  #edge(index: number): number {
    return margin.left + (index / Math.max(1, this.times.length)) * this.#inner
  }

  #middle(index: number): number {
    return this.#edge(index + 0.5)
  }

  #describeBucket(index: number): string {
    const at = this.times[index]
    const label = this.labels[index]
    if (label !== undefined || at === undefined) return label ?? ''
    const until = new Date(Date.parse(at) + this.bucketSeconds * 1000).toISOString()
    return `${formatInstant(at).slice(0, -7)} – ${formatInstant(until).slice(11, -7)}`
  }

  #readOut(): string {
    const { chosen } = this
    if (chosen === null) return ''
    const values = this.series.map(({ name, values }) => {
      const value = values[chosen] ?? null
      return `${name} ${value === null ? this.absent : this.format(value)}`
    })
    return `${this.#describeBucket(chosen)}: ${values.join(', ')}`
  }

  #point = (event: PointerEvent): void => {
    const { left } = (event.currentTarget as HTMLElement).getBoundingClientRect()
    const share = (event.clientX - left - margin.left) / this.#inner
    const inside = share >= 0 && share < 1 && this.times.length > 0
    this.chosen = inside ? Math.floor(share * this.times.length) : null
  }

  #leave = (): void => {
    this.chosen = null
  }

  #step = (event: KeyboardEvent): void => {
    const last = this.times.length - 1
    const moves: Record<string, number> = {
      ArrowLeft: Math.max(0, (this.chosen ?? last + 1) - 1),
      ArrowRight: Math.min(last, (this.chosen ?? last - 1) + 1),
      Home: 0,
      End: last,
    }
    const chosen = moves[event.key]
    if (event.key === 'Escape') this.chosen = null
    if (chosen === undefined || last < 0) return
    event.preventDefault()
    this.chosen = chosen
  }
}

customElements.define('dm-time-chart', TimeChart)
