/** `projects` and `admin` of the configuration → who may call. Keys become hashes here; no raw key is kept. */
import { hash } from 'node:crypto'
import { formatPath, type PathSegment, type ProblemList, suggestName } from './problems.ts'
import type { KeyRuntime, ProjectRuntime } from './runtime.ts'
import type { ConfigurationDraft, ProjectDraft } from './schema.ts'

/** The project of every call while no key is configured. */
export const OPEN_PROJECT = 'default'

/** Names that the record uses for callers without a project key. */
const RESERVED_KEY_NAMES: readonly string[] = ['admin', 'open']

export interface Callers {
  projects: ReadonlyMap<string, ProjectRuntime>
  keys: ReadonlyMap<string, KeyRuntime>
  admin: { keyHash: Buffer | null }
}

export function hashKey(key: string): Buffer {
  return hash('sha256', key, 'buffer')
}

/** Projects, keys by hash, and the admin key; a key that stands twice is a problem. */
export function buildCallers({
  draft,
  problems,
}: {
  draft: ConfigurationDraft
  problems: ProblemList
}): Callers {
  const projects = new Map<string, ProjectRuntime>()
  const keys = new Map<string, KeyRuntime>()
  const places = new Map<string, string>()

  /** @returns the hash in hex, or null when the key stands elsewhere already. */
  function claim(key: string, segments: readonly PathSegment[]): string | null {
    const hash = hashKey(key).toString('hex')
    const place = places.get(hash)
    if (place !== undefined) {
      problems.add(segments, `is the same key as ${place}; every key must be its own`)
      return null
    }
    places.set(hash, formatPath(segments))
    return hash
  }

  const adminHash = draft.admin.key === undefined ? null : claim(draft.admin.key, ['admin', 'key'])
  for (const [id, project] of Object.entries(draft.projects)) {
    if (project === undefined) continue
    projects.set(id, {
      id,
      name: project.name ?? id,
      store: project.store ?? draft.state.store,
      retentionMs: toMilliseconds(project.retentionDays ?? draft.state.retentionDays),
      log: {
        bodies: project.log.bodies ?? draft.log.bodies,
        maxBodyBytes: project.log.maxBodyBytes ?? draft.log.maxBodyBytes,
      },
      upstream: buildUpstream({ id, project, draft, problems }),
    })
    for (const [hash, key] of readKeys({ id, project, claim, problems })) keys.set(hash, key)
  }
  if (keys.size === 0 && !projects.has(OPEN_PROJECT)) {
    projects.set(OPEN_PROJECT, {
      id: OPEN_PROJECT,
      name: 'Default',
      store: draft.state.store,
      retentionMs: toMilliseconds(draft.state.retentionDays),
      log: { bodies: draft.log.bodies, maxBodyBytes: draft.log.maxBodyBytes },
      upstream: new Map(),
    })
  }
  return { projects, keys, admin: { keyHash: adminHash === null ? null : Buffer.from(adminHash, 'hex') } }
}

function toMilliseconds(days: number): number | null {
  return days === 0 ? null : Math.round(days * 86_400_000)
}

function readKeys({
  id,
  project,
  claim,
  problems,
}: {
  id: string
  project: ProjectDraft
  claim: (key: string, segments: readonly PathSegment[]) => string | null
  problems: ProblemList
}): [string, KeyRuntime][] {
  const names = new Set<string>()
  return project.keys.flatMap((entry, index) => {
    const segments = ['projects', id, 'keys', index]
    const given = typeof entry === 'string' ? { key: entry, events: 'openai' as const } : entry
    if (given === undefined) return []
    const name = given.name ?? `${id}/${index + 1}`
    if (RESERVED_KEY_NAMES.includes(name)) {
      problems.add(
        [...segments, 'name'],
        `"${name}" names callers without a project key; choose another name`,
      )
    } else if (names.has(name)) {
      problems.add(
        [...segments, 'name'],
        `${JSON.stringify(name)} names another key of this project; choose another`,
      )
    }
    names.add(name)
    if (given.key === undefined) return []
    const hash = claim(given.key, typeof entry === 'string' ? segments : [...segments, 'key'])
    if (hash === null) return []
    return [[hash, { name, projectId: id, events: given.events, unsupported: given.unsupported ?? null }]]
  })
}

function buildUpstream({
  id,
  project,
  draft,
  problems,
}: {
  id: string
  project: ProjectDraft
  draft: ConfigurationDraft
  problems: ProblemList
}): ProjectRuntime['upstream'] {
  const known = Object.keys(draft.providers ?? {})
  const upstream = new Map<string, { projectId?: string }>()
  for (const [provider, mapped] of Object.entries(project.upstream)) {
    if (!known.includes(provider)) {
      problems.add(
        ['projects', id, 'upstream', provider],
        `is not one of the providers${suggestName(provider, known)}`,
      )
    }
    if (mapped !== undefined) upstream.set(provider, mapped)
  }
  return upstream
}
