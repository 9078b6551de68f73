import { css } from 'lit'

export const timeChartStyles = css`
  :host {
    display: block;
    min-width: 0;
  }
  figcaption {
    display: flex;
    align-items: baseline;
    justify-content: space-between;
    gap: 12px;
  }
  .when {
    color: var(--text-soft);
    font-size: 12.5px;
    white-space: nowrap;
  }
  .legend {
    display: flex;
    flex-wrap: wrap;
    gap: 2px 16px;
    min-height: 21px;
    margin: 4px 0 8px;
    padding: 0;
    color: var(--text-soft);
    font-size: 12.5px;
    list-style: none;
  }
  .legend li {
    display: flex;
    align-items: center;
    gap: 6px;
  }
  .legend span {
    max-width: 15rem;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .legend i {
    flex-shrink: 0;
  }
  .legend b {
    color: var(--text);
    font-weight: 650;
  }
  .legend i {
    width: 9px;
    height: 9px;
    border-radius: 2px;
  }
  i.one {
    background: var(--series-1);
  }
  i.two {
    background: var(--series-2);
  }
  i.three {
    background: var(--series-3);
  }
  i.four {
    background: var(--series-4);
  }
  i.five {
    background: var(--series-5);
  }
  i.rest {
    background: var(--series-rest);
  }
  i.bad {
    background: var(--series-bad);
  }
  .plot {
    height: 188px;
    overflow: hidden;
    cursor: crosshair;
    touch-action: pan-y;
  }
  svg {
    display: block;
  }
  .grid {
    stroke: var(--line);
    shape-rendering: crispEdges;
  }
  .axis {
    stroke: var(--line-strong);
    shape-rendering: crispEdges;
  }
  .tick {
    fill: var(--text-faint);
    font: 11px var(--sans);
    font-variant-numeric: tabular-nums;
  }
  rect.one,
  circle.one {
    fill: var(--series-1);
  }
  rect.two,
  circle.two {
    fill: var(--series-2);
  }
  rect.three,
  circle.three {
    fill: var(--series-3);
  }
  rect.four {
    fill: var(--series-4);
  }
  rect.five {
    fill: var(--series-5);
  }
  rect.rest {
    fill: var(--series-rest);
  }
  rect.bad,
  circle.bad {
    fill: var(--series-bad);
  }
  rect {
    shape-rendering: crispEdges;
  }
  .line {
    fill: none;
    stroke-width: 1.75;
    stroke-linejoin: round;
    stroke-linecap: round;
  }
  .line.one {
    stroke: var(--series-1);
  }
  .line.two {
    stroke: var(--series-2);
  }
  .line.three {
    stroke: var(--series-3);
  }
  .ring {
    stroke: var(--surface);
    stroke-width: 2;
  }
  .band {
    fill: var(--text);
    opacity: 0.07;
    pointer-events: none;
  }
`
