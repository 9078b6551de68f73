/** The values that filters can offer, with how often they were met. Runs on the reader's thread. */

import type { AdminFacets } from '../../http/admin/contract.ts'
import type { ReadContext } from './reads.ts'
import { findMinutes, snapRange, type TimeRange } from './rollup-cover.ts'
import { readGroups, sumOf } from './rollup-reads.ts'
import type { Dimension } from './rollup-schema.ts'

const maximumValues = 200

type Facet = keyof AdminFacets['counts']

/** Each with the columns that its cells have, which are read together. */
const facetColumns: readonly { columns: readonly Dimension[]; facets: Partial<Record<Facet, Dimension>> }[] =
  [
    { columns: ['project', 'key_name'], facets: { projects: 'project', keys: 'key_name' } },
    { columns: ['model', 'provider'], facets: { models: 'model', providers: 'provider' } },
    {
      columns: ['status', 'error_origin', 'error_code'],
      facets: { statuses: 'status', error_codes: 'error_code', error_origins: 'error_origin' },
    },
  ]

/** Of requests that have ended in the range, and those of any time that run. Throws DeadlineError. */
export async function facets(context: ReadContext, range: TimeRange): Promise<AdminFacets> {
  const snapped = snapRange(range, await findMinutes(context.driver))
  const counts: AdminFacets['counts'] = {
    models: [],
    projects: [],
    keys: [],
    providers: [],
    statuses: [],
    error_codes: [],
    error_origins: [],
  }
  for (const { columns, facets: wanted } of facetColumns) {
    const rows = await readGroups(context, { range: snapped, filter: {}, columns, of: ['requests'] })
    for (const [facet, column] of Object.entries(wanted) as [Facet, Dimension][]) {
      const found = rows.map((row) => ({
        value: String(row[column]),
        requests: Number(sumOf(row, 'requests')),
      }))
      if (facet === 'statuses') found.push(...(await countRunning(context)))
      counts[facet] = mostMet(found)
    }
  }
  const names = (facet: Facet) => counts[facet].map(({ value }) => value).sort()
  return {
    models: names('models'),
    projects: names('projects'),
    keys: names('keys'),
    providers: names('providers'),
    statuses: names('statuses'),
    error_codes: names('error_codes'),
    error_origins: names('error_origins'),
    counts,
  }
}

type Counts = AdminFacets['counts'][Facet]

function mostMet(found: Counts): Counts {
  const sums = new Map<string, number>()
  for (const { value, requests } of found)
    if (value !== '') sums.set(value, (sums.get(value) ?? 0) + requests)
  return [...sums]
    .map(([value, requests]) => ({ value, requests }))
    .sort((one, other) => other.requests - one.requests || one.value.localeCompare(other.value))
    .slice(0, maximumValues)
}

async function countRunning({ driver }: ReadContext): Promise<Counts> {
  const rows = await driver.all(
    "SELECT status, count(*) AS running FROM requests WHERE status IN ('in_progress', 'queued') GROUP BY status",
  )
  return rows.map((row) => ({ value: String(row.status), requests: Number(row.running) }))
}
