/** `npm run dashboards`: rewrites the dashboards' JSON, and the alert rules for the Prometheus Operator. */
import { readFileSync, writeFileSync } from 'node:fs'
import { renderFiles, rulesPath } from './dashboards.ts'

const deploy = new URL('../', import.meta.url)
const rules = readFileSync(new URL(rulesPath, deploy), 'utf8')
for (const { path, text } of renderFiles(rules)) writeFileSync(new URL(path, deploy), text)
