/** The queries that stand in the files of `deploy/`, read from the files themselves. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

export const deployFolder = fileURLToPath(new URL('../../deploy/', import.meta.url))

export function readDeployed(path: string): string {
  return readFileSync(new URL(`../../deploy/${path}`, import.meta.url), 'utf8')
}

export interface PanelQuery {
  /** `dashboard / panel`. */
  where: string
  /** With the dashboard's variables filled in: all, and windows of the length given. */
  expr: string
  legend: string
}

export interface VariableQuery {
  where: string
  /** Of `label_values(selector, label)`. */
  selector: string
  label: string
}

interface DashboardFile {
  title: string
  panels: { title: string; type: string; targets?: { expr: string; legendFormat: string }[] }[]
  templating: { list: { name: string; type: string; query: string | { query: string } }[] }
}

export interface Rule {
  record?: string
  alert?: string
  expr: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
}

function readDashboards(): DashboardFile[] {
  return readdirSync(`${deployFolder}grafana/dashboards`).map((file) =>
    JSON.parse(readDeployed(`grafana/dashboards/${file}`)),
  )
}

/** Grafana's variables as all of everything. Throws on a variable that the dashboard does not declare. */
function fillVariables(text: string, declared: Set<string>, window: string): string {
  return text.replaceAll(/\$(\w+)/g, (_, name: string) => {
    if (name === '__rate_interval' || name === '__range') return window
    if (!declared.has(name)) throw new Error(`$${name} is no variable of the dashboard: ${text}`)
    return '.*'
  })
}

/** @param window what `$__rate_interval` and `$__range` stand for, e.g. `1m`. */
export function listPanelQueries(window: string): PanelQuery[] {
  return readDashboards().flatMap(({ title, panels, templating }) => {
    const declared = new Set(templating.list.map(({ name }) => name))
    return panels.flatMap((panel) =>
      (panel.targets ?? []).map(({ expr, legendFormat }) => ({
        where: `${title} / ${panel.title}`,
        expr: fillVariables(expr, declared, window),
        legend: legendFormat,
      })),
    )
  })
}

export function listVariableQueries(): VariableQuery[] {
  return readDashboards().flatMap(({ title, templating }) => {
    const declared = new Set(templating.list.map(({ name }) => name))
    return templating.list.flatMap(({ name, type, query }) => {
      if (type !== 'query') return []
      const text = fillVariables(typeof query === 'string' ? query : query.query, declared, '1m')
      const match = /^label_values\((.+), (\w+)\)$/.exec(text)
      if (match === null) throw new Error(`${title} / $${name}: ${text}`)
      return [{ where: `${title} / $${name}`, selector: match[1] as string, label: match[2] as string }]
    })
  })
}

export function listRules(): Rule[] {
  const { groups } = parse(readDeployed('prometheus/rules/dragoman.yaml')) as { groups: { rules: Rule[] }[] }
  return groups.flatMap(({ rules }) => rules)
}
