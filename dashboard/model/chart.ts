/** Geometry of the charts: pure numbers, no drawing. */

/** Round tick values from 0 up to at least `max`, at most `count` steps. */
export function computeTicks(max: number, count = 4): number[] {
  if (!(max > 0)) return [0, 1]
  const rough = max / count
  const magnitude = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * magnitude).find((size) => size >= rough) ?? rough
  const ticks = [0]
  while (ticks[ticks.length - 1]! < max) ticks.push(Number((ticks.length * step).toPrecision(12)))
  return ticks
}

/** Whole numbers only: for counts, where a tick at 0.5 means nothing. */
export function computeCountTicks(max: number, count = 4): number[] {
  if (max <= count) return Array.from({ length: Math.max(1, Math.ceil(max)) + 1 }, (_, index) => index)
  return computeTicks(max, count).filter(Number.isInteger)
}

const timeSteps = [
  60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
].map((seconds) => seconds * 1000)

/** Times (Unix ms) for labels on the local clock's round minutes, hours or days, at most `count`. */
export function computeTimeTicks(from: number, to: number, count: number): number[] {
  const step = timeSteps.find((size) => (to - from) / size <= count) ?? timeSteps[timeSteps.length - 1]!
  const zone = new Date(from).getTimezoneOffset() * 60_000
  const ticks: number[] = []
  for (let at = Math.ceil((from - zone) / step) * step + zone; at <= to; at += step) ticks.push(at)
  return ticks
}

export interface Point {
  x: number
  y: number
}

/** The unbroken stretches of a line; a null is a gap, not a zero. */
export function splitLine(points: (Point | null)[]): Point[][] {
  const runs: Point[][] = []
  let run: Point[] = []
  for (const point of [...points, null]) {
    if (point) run.push(point)
    else if (run.length > 0) {
      runs.push(run)
      run = []
    }
  }
  return runs
}

/** The `d` of an SVG path through the points. */
export function drawPath(points: Point[]): string {
  return points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${round(x)} ${round(y)}`).join('')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
