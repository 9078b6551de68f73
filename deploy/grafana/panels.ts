/**
 * What the dashboards are written in: panels name their title, unit and queries, and this file makes Grafana's JSON of
 * them. It holds all that Grafana wants and that no reader of a dashboard cares about.
 */

/** Units as Grafana spells them. */
export type Unit =
  | 'short'
  | 'reqps'
  | 'percentunit'
  | 's'
  | 'bytes'
  | 'cps'
  | 'dateTimeFromNow'
  | 'currencyUSD'

export interface Query {
  /** PromQL; may use the dashboard's variables and `$__rate_interval`, `$__range`. */
  expr: string
  /** May use labels of the result: `{{provider}}`. Empty: the panel needs no legend. */
  legend: string
}

export interface PanelOptions {
  title: string
  /** What it means and when to worry, for the tooltip. */
  description: string
  unit: Unit
  queries: readonly Query[]
  /** Columns of Grafana's 24. Default: 8 for a chart, 4 for a number, 24 for a table. */
  width?: number
  /** Default false. Only for what adds up, e.g. rates by provider. */
  stacked?: boolean
}

export interface Panel extends PanelOptions {
  kind: 'chart' | 'number' | 'table'
}

export interface Row {
  title: string
  panels: readonly Panel[]
}

export interface Variable {
  name: string
  label: string
  /** A metric whose label values are offered, narrowed by the variables before it. */
  metric: string
  /** Of the metric. Default: the variable's name. */
  labelName?: string
}

export interface Dashboard {
  /** Also the name of the file. */
  uid: string
  title: string
  description: string
  variables: readonly Variable[]
  rows: readonly Row[]
}

export const chart = (options: PanelOptions): Panel => ({ kind: 'chart', ...options })
export const number = (options: PanelOptions): Panel => ({ kind: 'number', ...options })
export const table = (options: PanelOptions): Panel => ({ kind: 'table', ...options })

/** Matchers that every query has: the gateways that were chosen at the top. */
export const chosen = 'job=~"$job", instance=~"$instance"'

/** Variables that every dashboard has. */
const gateways: readonly Variable[] = [
  { name: 'job', label: 'Job', metric: 'dragoman_build_info' },
  { name: 'instance', label: 'Gateway', metric: 'dragoman_build_info{job=~"$job"}' },
]

const source = { type: 'prometheus', uid: '${datasource}' }
const heights = { chart: 8, number: 4, table: 9 }
const widths = { chart: 8, number: 4, table: 24 }
const columns = 24

/** The dashboard as Grafana imports it. */
export function renderDashboard({ uid, title, description, variables, rows }: Dashboard) {
  return {
    uid,
    title,
    description,
    tags: ['dragoman'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    links: [
      {
        type: 'dashboards',
        title: 'Dragoman',
        tags: ['dragoman'],
        asDropdown: true,
        keepTime: true,
        includeVars: true,
      },
    ],
    templating: { list: [dataSourceVariable, ...[...gateways, ...variables].map(renderVariable)] },
    panels: placePanels(rows),
  }
}

const dataSourceVariable = {
  name: 'datasource',
  label: 'Data source',
  type: 'datasource',
  query: 'prometheus',
}

/** `.*` for all, since a refusal before any call has an empty provider, which a list of known ones would leave out. */
function renderVariable({ name, label, metric, labelName = name }: Variable) {
  const values = `label_values(${metric}, ${labelName})`
  return {
    name,
    label,
    type: 'query',
    datasource: source,
    definition: values,
    query: { qryType: 1, query: values, refId: 'PrometheusVariableQueryEditor-VariableQuery' },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: ['All'], value: ['$__all'] },
  }
}

/** From left to right, and a line further down where a panel no longer fits. */
function placePanels(rows: readonly Row[]) {
  const placed: object[] = []
  let id = 1
  let y = 0
  for (const { title, panels } of rows) {
    placed.push({
      id: id++,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { x: 0, y, w: columns, h: 1 },
      panels: [],
    })
    y += 1
    let x = 0
    let lineHeight = 0
    for (const panel of panels) {
      const w = panel.width ?? widths[panel.kind]
      const h = heights[panel.kind]
      if (x + w > columns) {
        y += lineHeight
        x = 0
        lineHeight = 0
      }
      placed.push(renderPanel(panel, id++, { x, y, w, h }))
      x += w
      lineHeight = Math.max(lineHeight, h)
    }
    y += lineHeight
  }
  return placed
}

function renderPanel(panel: Panel, id: number, gridPos: object) {
  return {
    id,
    title: panel.title,
    description: panel.description,
    datasource: source,
    gridPos,
    ...looks[panel.kind](panel),
    targets: panel.queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: source,
      expr,
      legendFormat: legend,
      ...(panel.kind === 'table' ? { instant: true, range: false, format: 'table' } : { range: true }),
    })),
  }
}

/** What is particular to each kind of panel. */
const looks = {
  chart: ({ unit, stacked = false }: Panel) => ({
    type: 'timeseries',
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        custom: {
          drawStyle: 'line',
          lineWidth: 1,
          fillOpacity: stacked ? 25 : 8,
          showPoints: 'never',
          stacking: { mode: stacked ? 'normal' : 'none' },
        },
      },
      overrides: [],
    },
    options: {
      legend: { displayMode: 'table', placement: 'bottom', calcs: ['mean', 'max'] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  }),
  number: ({ unit }: Panel) => ({
    type: 'stat',
    fieldConfig: { defaults: { unit, color: { mode: 'fixed', fixedColor: 'blue' } }, overrides: [] },
    options: {
      graphMode: 'area',
      colorMode: 'value',
      reduceOptions: { calcs: ['lastNotNull'], values: false },
    },
  }),
  table: ({ unit }: Panel) => ({
    type: 'table',
    fieldConfig: { defaults: { unit }, overrides: [] },
    options: { showHeader: true, sortBy: [{ displayName: 'Value', desc: true }] },
    transformations: [{ id: 'organize', options: { excludeByName: { Time: true } } }],
  }),
}
