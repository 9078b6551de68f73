/** Addresses and headers of upstream calls. */
import type { Target } from './translator.ts'

/** `path` after the base address, whatever slashes or query it ends with. */
export function joinAddress(base: string, path: string): string {
  const [address = '', query] = base.split('?', 2)
  return address.replace(/\/+$/, '') + path + (query ? `?${query}` : '')
}

/** Fills `{project_id}`; without a project the segment goes, and the provider takes its default project. */
export function fillProject(base: string, projectId: string | undefined): string {
  return projectId === undefined
    ? base.replace(/\/\{project_id\}/g, '')
    : base.replaceAll('{project_id}', encodeURIComponent(projectId))
}

/** As `fillProject`; an address without the placeholder gets the project before its last `/v1`. */
export function insertProject(base: string, projectId: string | undefined): string {
  if (projectId === undefined || base.includes('{project_id}')) return fillProject(base, projectId)
  const at = base.lastIndexOf('/v1')
  const segment = `/${encodeURIComponent(projectId)}`
  return at < 0 ? joinAddress(base, segment) : base.slice(0, at) + segment + base.slice(at)
}

export function bearer({ credentials }: Target): Record<string, string> {
  return credentials.apiKey ? { authorization: `Bearer ${credentials.apiKey}` } : {}
}
