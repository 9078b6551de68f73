/**
 * Takes secrets out of what is kept or printed: known values exactly, unknown ones by their usual shapes.
 *
 * A secret that a model spells out over several stream events is not found, since it never stands in the text whole.
 */

import type { RecordFilter } from '../store/log/records.ts'

export const redacted = '[redacted]'

/** Sets of secrets whose spellings are kept at hand. */
const rememberedKeys = 100

/** Characters from which a known secret is looked for in free text; a shorter one ("none", "ollama") is an ordinary word. */
const shortestSecret = 8

/** Characters at the end of a cut text that are taken for the start of a known secret. */
const shortestPrefix = 4

/** Header names whose values are never kept, lower case. Names that end like a secret's are treated alike. */
const secretHeaders = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'api-key',
  'x-api-key',
])
const secretHeaderEnding = /(?:^|[-_])(?:key|token|secret|password|credentials?|authorization|cookie)$/
const plainHeaders = new Set(['idempotency-key', 'sec-websocket-key'])

/** Every quantifier is bounded or runs over a class that cannot match what follows, so no text makes them slow. */
const patterns: readonly (readonly [RegExp, string])[] = [
  [/\b(Bearer|Basic)\s{1,8}[A-Za-z0-9._~+/=-]{8,}/gi, `$1 ${redacted}`],
  [/\bsk-[A-Za-z0-9_-]{16,}/g, redacted],
  // A header map inside JSON, also inside a string of JSON: `"x-api-key": "…"`, `\"Authorization\":\"…\"`.
  [
    /("(?:proxy-)?(?:authorization|cookie|set-cookie|api[-_]?key|x-api-key|x-admin-key)\\{0,8}"\s{0,8}:\s{0,8}\\{0,8}")([^"\\]+)/gi,
    `$1${redacted}`,
  ],
  // The same as header lines of a text.
  [/\b((?:x-)?(?:api|admin)-key:[ \t]{0,8})[^\s"'\\,;]{4,}/gi, `$1${redacted}`],
]

/** Matches whenever one of the patterns does, in one look at the text; a header that is redacted already is none. */
const suspicion =
  /sk-[A-Za-z0-9_-]{16}|(?:bearer|basic)\s|(?:authorization|cookie|api[-_]?key|admin-key)(?:\\{0,8}"\s{0,8}:|:)(?!"\[redacted\]")/i

export interface RedactionSettings {
  /** Values that must never be kept, such as the providers' keys. */
  secrets: readonly string[]
}

/** The filter of the request log, made on the writer's thread. */
export function createRecordFilter(settings: unknown): RecordFilter {
  const known = spellings((settings as RedactionSettings).secrets)
  // Requests come one after the other with the same few keys.
  const remembered = new Map<string, readonly Spelling[]>()
  const all = (more: readonly string[]): readonly Spelling[] => {
    if (more.length === 0) return known
    const name = JSON.stringify(more)
    let found = remembered.get(name)
    if (found === undefined) {
      found = [...known, ...spellings(more)]
      if (remembered.size >= rememberedKeys) remembered.clear()
      remembered.set(name, found)
    }
    return found
  }
  return {
    text: (text, { secrets: more, truncated = false }) => replaceSecrets(text, all(more), truncated),
  }
}

/** A text without the given secrets and without what looks like one. */
export function redactText(text: string, secrets: readonly string[] = []): string {
  return replaceSecrets(text, spellings(secrets), false)
}

/** Headers with secret ones replaced whole and the others cleaned as text. */
export function redactHeaders(
  headers: Readonly<Record<string, string>>,
  secrets: readonly string[] = [],
): Record<string, string> {
  return replaceHeaders(headers, spellings(secrets))
}

/** The headers with the values of secret ones replaced; the others are left as they are. */
export function withoutSecretHeaders(
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  let clean: Record<string, string> | null = null
  for (const name of Object.keys(headers)) {
    if (!isSecretHeader(name)) continue
    clean ??= { ...headers }
    clean[name] = redacted
  }
  return clean ?? headers
}

/** Names that were looked at before: the same few come with every request. */
const knownNames = new Map<string, boolean>()
const maximumKnownNames = 1000

export function isSecretHeader(name: string): boolean {
  let secret = knownNames.get(name)
  if (secret === undefined) {
    const lower = name.toLowerCase()
    secret = secretHeaders.has(lower) || (secretHeaderEnding.test(lower) && !plainHeaders.has(lower))
    if (knownNames.size < maximumKnownNames) knownNames.set(name, secret)
  }
  return secret
}

/** One spelling of a secret. */
interface Spelling {
  text: string
  /** A part of it that begins with a rare character: looking for that passes over text several times faster. */
  needle: string
}

/**
 * A secret as it may stand in text: plain, in a JSON string, in JSON inside one, in a URL, each also as UTF-8 read as
 * Latin-1. Longest first, so that none hides in another.
 */
function spellings(secrets: readonly string[]): Spelling[] {
  const found = new Set<string>()
  for (const secret of secrets) {
    if (secret.length < shortestSecret) continue
    const forms = [secret, escapeJson(secret), escapeJson(escapeJson(secret))]
    for (const form of forms) found.add(form).add(Buffer.from(form).toString('latin1'))
    found.add(encodeURIComponent(secret.toWellFormed()))
  }
  return [...found].sort((a, b) => b.length - a.length).map((text) => ({ text, needle: findNeedle(text) }))
}

/** Characters of JSON text in English, the most frequent first; the others are rare. */
const frequent = ' etaoinsrhld"cu_mp,f:gwybvk.{}-'

function findNeedle(text: string): string {
  let best = 0
  let bestRank = -1
  for (let index = 0; index <= text.length - shortestSecret; index += 1) {
    const place = frequent.indexOf(text[index] ?? '')
    const rank = place === -1 ? frequent.length : place
    if (rank > bestRank) {
      best = index
      bestRank = rank
    }
  }
  return text.slice(best, best + shortestSecret)
}

function escapeJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function replaceSecrets(text: string, secrets: readonly Spelling[], truncated: boolean): string {
  for (const secret of secrets) {
    if (text.includes(secret.needle)) text = text.replaceAll(secret.text, redacted)
  }
  if (suspicion.test(text)) {
    for (const [pattern, replacement] of patterns) text = text.replace(pattern, replacement)
  }
  return truncated ? replaceCutSecret(text, secrets) : text
}

/** The cut may have left the beginning of a secret at the end of the text. */
function replaceCutSecret(text: string, secrets: readonly Spelling[]): string {
  for (const { text: secret } of secrets) {
    for (let length = secret.length - 1; length >= shortestPrefix; length -= 1) {
      if (text.endsWith(secret.slice(0, length))) return text.slice(0, -length) + redacted
    }
  }
  return text
}

function replaceHeaders(
  headers: Readonly<Record<string, string>>,
  secrets: readonly Spelling[],
): Record<string, string> {
  const clean: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    clean[name] = isSecretHeader(name) ? redacted : replaceSecrets(value, secrets, false)
  }
  return clean
}
