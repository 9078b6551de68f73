/**
 * All prompt templates: those of the configuration, which nobody changes while it runs, and those that the admin API
 * keeps in the store. They are held in memory, so that a request waits for nothing, and read again after every change
 * made here and every few seconds for those of other instances.
 */
import type { Runtime } from '../config/runtime.ts'
import { GatewayError } from '../errors.ts'
import { createId } from './ids.ts'
import type { PromptTemplate } from './prompt-template.ts'
import type { TemplateSource } from './prompts.ts'

/** One version of a prompt as the store has it; see server/store/state/state.ts. */
interface StoredVersion {
  id: string
  version: string
  /** Unix milliseconds. */
  createdAt: number
  isDefault: boolean
  /** JSON. */
  template: string
}

/** What the library needs of the store. */
export interface PromptStore {
  listPrompts(): Promise<StoredVersion[]>
  /** False: this version exists already. */
  addPrompt(prompt: StoredVersion): Promise<boolean>
  setDefaultPrompt(id: string, version: string): Promise<boolean>
  /** One version, of which `mark` stays in place of its template, or all when null. False: there is none. */
  deletePrompt(id: string, version: string | null, mark: string | null): Promise<boolean>
}

export interface PromptEntry {
  id: string
  source: 'config' | 'store'
  /** One of `versions`. */
  defaultVersion: string
  /** The oldest first. */
  versions: readonly PromptVersion[]
}

export interface PromptVersion {
  version: string
  /** Unix milliseconds; null in the configuration. */
  createdAt: number | null
  template: PromptTemplate
}

/** Each change is in the store, and used by the next request, when its promise resolves. */
export interface PromptLibrary extends TemplateSource {
  /** Those of the configuration first, in its order; then by id. */
  list(): PromptEntry[]
  get(id: string): PromptEntry | null
  /**
   * Adds a version with the next number. The first one is the default, as is any with `makeDefault`.
   * @param id null makes one
   * @throws GatewayError `prompt_read_only` (409) for a prompt of the configuration
   */
  add(version: {
    id: string | null
    template: PromptTemplate
    makeDefault: boolean
  }): Promise<{ entry: PromptEntry; version: string }>
  /** @throws GatewayError `not_found` (404), `prompt_read_only` (409) */
  setDefault(id: string, version: string): Promise<PromptEntry>
  /**
   * Removes one version, or the prompt with all of them when null.
   * @throws GatewayError `not_found` (404), `prompt_read_only` (409), `prompt_version_in_use` (409) for the default
   * version while there are others
   */
  remove(id: string, version: string | null): Promise<void>
  /** Reads what is in the store now. Rejects as the store does. */
  refresh(): Promise<void>
  /** Ends the reading every few seconds. */
  close(): void
}

export interface PromptLibraryOptions {
  runtime(): Runtime
  store: PromptStore
  /** Milliseconds between two looks into the store. Default 5000. */
  refreshEvery?: number
  /** The store could not be read; told once until it can be again. */
  onError(error: unknown): void
}

/** @throws what the store rejects with, when it cannot be read at first */
export async function createPromptLibrary({
  runtime,
  store,
  refreshEvery = 5_000,
  onError,
}: PromptLibraryOptions): Promise<PromptLibrary> {
  const kept = createKept(store, onError)
  await kept.refresh()
  const timer = setInterval(kept.refreshQuietly, refreshEvery)
  timer.unref()

  const get = (id: string): PromptEntry | null => findConfigured(runtime(), id) ?? kept.get(id)
  return {
    find: (id, version) => findTemplate(get(id), version),
    get,
    list() {
      const configured = [...runtime().prompts.keys()].flatMap((id) => get(id) ?? [])
      return [...configured, ...kept.list().filter(({ id }) => !runtime().prompts.has(id))]
    },
    ...createChanges({ runtime, store, kept }),
    refresh: kept.refresh,
    close: () => clearInterval(timer),
  }
}

function findTemplate(entry: PromptEntry | null, version: string | null): PromptTemplate | null {
  if (entry === null) return null
  const wanted = version ?? entry.defaultVersion
  return entry.versions.find((candidate) => candidate.version === wanted)?.template ?? null
}

function findConfigured(runtime: Runtime, id: string): PromptEntry | null {
  const prompt = runtime.prompts.get(id)
  if (prompt === undefined) return null
  const versions = [...prompt.versions].map(([version, template]) => ({ version, createdAt: null, template }))
  return { id, source: 'config', defaultVersion: prompt.defaultVersion, versions }
}

/** What is stored in place of a deleted version, so that its number is not given again: clients pin numbers. */
const deleted = 'null'

interface Kept {
  get(id: string): PromptEntry | null
  /** The highest number that a version of the prompt has or had; 0 for a new one. */
  highest(id: string): number
  list(): PromptEntry[]
  refresh(): Promise<void>
  refreshQuietly(): void
}

/** What the store holds, as it was when it was last read. */
function createKept(store: PromptStore, onError: (error: unknown) => void): Kept {
  let entries: ReadonlyMap<string, PromptEntry> = new Map()
  let rows: readonly StoredVersion[] = []
  let asked = 0
  let shown = 0
  let quiet = false

  async function refresh(): Promise<void> {
    asked += 1
    const turn = asked
    const read = await store.listPrompts()
    // An answer that was overtaken by a newer one must not bring the older state back.
    if (turn < shown) return
    shown = turn
    rows = read
    entries = readEntries(rows, entries)
    quiet = false
  }

  return {
    get: (id) => entries.get(id) ?? null,
    highest: (id) =>
      Math.max(0, ...rows.filter((row) => row.id === id).map(({ version }) => Number(version))),
    list: () => [...entries.values()],
    refresh,
    refreshQuietly() {
      refresh().catch((error: unknown) => {
        if (!quiet) onError(error)
        quiet = true
      })
    },
  }
}

function readEntries(
  rows: readonly StoredVersion[],
  before: ReadonlyMap<string, PromptEntry>,
): ReadonlyMap<string, PromptEntry> {
  const entries = new Map<string, PromptEntry>()
  const live = rows.filter(({ template }) => template !== deleted)
  for (const [id, unsorted] of Map.groupBy(live, (row) => row.id)) {
    const stored = unsorted.sort((a, b) => Number(a.version) - Number(b.version))
    const known = before.get(id)?.versions ?? []
    const versions = stored.map(({ version, createdAt, template }) => {
      // A version never changes, so it is parsed once.
      const same = known.find((one) => one.version === version && one.createdAt === createdAt)
      return same ?? { version, createdAt, template: JSON.parse(template) as PromptTemplate }
    })
    const chosen = stored.findLast(({ isDefault }) => isDefault) ?? stored.at(-1)
    if (chosen !== undefined)
      entries.set(id, { id, source: 'store', defaultVersion: chosen.version, versions })
  }
  return entries
}

/** Times that a number is tried that another instance may have taken first. */
const maxTries = 20

function createChanges({
  runtime,
  store,
  kept,
}: {
  runtime(): Runtime
  store: PromptStore
  kept: Kept
}): Pick<PromptLibrary, 'add' | 'setDefault' | 'remove'> {
  /** The entry as it is in the store now. */
  async function requireEntry(id: string, version: string | null): Promise<PromptEntry> {
    refuseConfigured(runtime(), id)
    await kept.refresh()
    const entry = kept.get(id)
    if (entry === null) throw promptNotFound(id)
    if (version !== null && findTemplate(entry, version) === null) throw versionNotFound(entry, version)
    return entry
  }

  async function addNext(id: string, template: string): Promise<string> {
    for (let tries = 0; tries < maxTries; tries += 1) {
      await kept.refresh()
      const version = String(kept.highest(id) + 1)
      const isDefault = kept.get(id) === null
      if (await store.addPrompt({ id, version, createdAt: Date.now(), isDefault, template })) return version
    }
    throw new GatewayError('internal_error', `Too many versions of the prompt '${id}' are added at once.`)
  }

  return {
    async add({ id: given, template, makeDefault }) {
      const id = given ?? createId('pmpt')
      refuseConfigured(runtime(), id)
      const version = await addNext(id, JSON.stringify(template))
      if (makeDefault) await store.setDefaultPrompt(id, version)
      return { entry: await requireEntry(id, version), version }
    },
    async setDefault(id, version) {
      const entry = await requireEntry(id, version)
      if (!(await store.setDefaultPrompt(id, version))) throw versionNotFound(entry, version)
      return requireEntry(id, null)
    },
    async remove(id, version) {
      const entry = await requireEntry(id, version)
      const isLast = entry.versions.length === 1
      if (version === entry.defaultVersion && !isLast) {
        throw new GatewayError(
          'invalid_request',
          `Version '${version}' is the default of the prompt '${id}'. Make another version the default first, or delete the whole prompt.`,
          { status: 409, type: 'conflict_error', code: 'prompt_version_in_use', param: 'version' },
        )
      }
      if (!(await store.deletePrompt(id, isLast ? null : version, isLast ? null : deleted)))
        throw promptNotFound(id)
      await kept.refresh()
    },
  }
}

function refuseConfigured(runtime: Runtime, id: string): void {
  if (!runtime.prompts.has(id)) return
  throw new GatewayError(
    'invalid_request',
    `The prompt '${id}' stands in the configuration (prompts), where it is changed; choose another id here.`,
    { status: 409, type: 'conflict_error', code: 'prompt_read_only', param: 'id' },
  )
}

function promptNotFound(id: string): GatewayError {
  return new GatewayError('not_found', `There is no prompt with the id '${id.slice(0, 128)}'.`, {
    param: 'id',
  })
}

function versionNotFound({ id, versions }: PromptEntry, version: string): GatewayError {
  const known = versions.map((one) => one.version).join(', ')
  return new GatewayError(
    'not_found',
    `The prompt '${id}' has no version '${version.slice(0, 128)}'; it has ${known}.`,
    { param: 'version' },
  )
}
