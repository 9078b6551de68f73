/** Function names for tools that live in a namespace, at providers that know only flat names. */
import type { OwnTool, UpstreamRequest } from './translator.ts'

/** What OpenAI and its kin allow for a function's name. */
const maxNameLength = 64
const validName = /^[a-zA-Z0-9_-]{1,64}$/

export interface ToolNames {
  /**
   * The name to send. The same tool always gets the same one; no two tools share one. A name in history that no server
   * takes (some model made it up, or another API allowed it) is made valid as well.
   */
  upstreamName(name: string, namespace?: string): string
  /** The tool of this upstream name is a custom one, sent as a function. */
  markCustom(upstream: string): void
  /** Upstream name → the client's own, where they differ. */
  readonly changed: { [upstream: string]: OwnTool }
}

/** @param taken names that the client itself uses without a namespace: they stay as they are. */
export function createToolNames(taken: Iterable<string>): ToolNames {
  const used = new Set(taken)
  const assigned = new Map<string, string>()
  // Without a prototype: a tool may be called `__proto__` or `constructor`.
  const changed: ToolNames['changed'] = Object.create(null)
  function assign(name: string, namespace?: string): string {
    const wanted = flattenName(name, namespace)
    let free = wanted
    for (let attempt = 2; used.has(free); attempt++) {
      const suffix = `_${attempt}`
      free = wanted.slice(0, maxNameLength - suffix.length) + suffix
    }
    used.add(free)
    changed[free] = namespace ? { name, namespace } : { name }
    return free
  }
  return {
    changed,
    markCustom(upstream) {
      changed[upstream] = { ...(changed[upstream] ?? { name: upstream }), custom: true }
    },
    upstreamName(name, namespace) {
      if (!namespace && validName.test(name)) return name
      const key = `${namespace ?? ''}\u0000${name}`
      const known = assigned.get(key) ?? assign(name, namespace)
      assigned.set(key, known)
      return known
    },
  }
}

/** `<namespace>__<name>` in the allowed characters; one that is too long keeps its start and ends in a hash of the whole. */
function flattenName(name: string, namespace?: string): string {
  const joined = namespace ? `${namespace.replace(/_+$/, '')}__${name}` : name
  const valid = joined.replace(/[^a-zA-Z0-9_-]/g, '_')
  if (valid.length <= maxNameLength) return valid
  const hash = hashText(joined)
  return `${valid.slice(0, maxNameLength - hash.length - 1)}_${hash}`
}

/** FNV-1a, base 36: only has to differ between the tools of one request; collisions are resolved by the caller. */
function hashText(text: string): string {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0
  return hash.toString(36)
}

/** What the contract allows for a call's id. */
const maxCallIdLength = 64

/** Some servers make longer ids than others take back: calls and their outputs get the same shorter one. */
export function shortenCallId(callId: string): string {
  if (callId.length <= maxCallIdLength) return callId
  const hash = hashText(callId)
  return `${callId.slice(0, maxCallIdLength - hash.length - 1)}_${hash}`
}

/** The map as it stands in an upstream request. */
export function toolNameMap({ changed }: ToolNames): UpstreamRequest['toolNames'] {
  return { ...changed }
}
