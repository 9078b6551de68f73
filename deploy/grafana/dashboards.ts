/** The files that are made from code, by their paths below `deploy/`, and what must stand in each. */
import { parse, stringify } from 'yaml'
import { gateway } from './gateway.ts'
import { money } from './money.ts'
import { overview } from './overview.ts'
import { type Dashboard, renderDashboard } from './panels.ts'
import { providers } from './providers.ts'

export const dashboards: readonly Dashboard[] = [overview, providers, money, gateway]

/** Where the alert rules are written by hand. */
export const rulesPath = 'prometheus/rules/dragoman.yaml'

/** @param rules the text of `rulesPath`. */
export function renderFiles(rules: string): { path: string; text: string }[] {
  const files = dashboards.map((dashboard) => ({
    path: `grafana/dashboards/${dashboard.uid}.json`,
    text: `${JSON.stringify(renderDashboard(dashboard), null, 2)}\n`,
  }))
  return [...files, { path: 'kubernetes/monitoring/prometheus-rule.yaml', text: renderPrometheusRule(rules) }]
}

/** The rules as the Prometheus Operator takes them: kustomize cannot put a file into a custom resource. */
function renderPrometheusRule(rules: string): string {
  const resource = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'dragoman' },
    spec: parse(rules),
  }
  return `# Made from deploy/${rulesPath} by \`npm run dashboards\`.\n${stringify(resource, { lineWidth: 0 })}`
}
