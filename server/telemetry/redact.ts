/**
 * Takes secrets out of what is kept or printed: known values exactly, unknown ones by their usual shapes.
 *
 * A secret that a model spells out over several stream events is not found, since it never stands in the text whole.
 */

import type { RecordFilter } from '../store/records.ts'

export const redacted = '[redacted]'

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

export interface RedactionSettings {
  /** Values that must never be kept, such as the providers' keys. */
  secrets: readonly string[]
}

/** The filter of the request log, made on the writer's thread. */
export function createRecordFilter(settings: unknown): RecordFilter {
  const { secrets } = settings as RedactionSettings
  const known = spellings(secrets)
  const perRecord = new WeakMap<readonly string[], readonly string[]>()
  const all = (more: readonly string[]) => {
    let found = perRecord.get(more)
    if (found === undefined) {
      found = [...known, ...spellings(more)]
      perRecord.set(more, found)
    }
    return found
  }
  return {
    text: (text, { secrets: more, truncated = false }) => replaceSecrets(text, all(more), truncated),
    headers: (headers, { secrets: more }) => replaceHeaders(headers, all(more)),
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

export function isSecretHeader(name: string): boolean {
  const lower = name.toLowerCase()
  return secretHeaders.has(lower) || (secretHeaderEnding.test(lower) && !plainHeaders.has(lower))
}

/** A secret as it may stand in text: plain, in a JSON string, in JSON inside one, in a URL. Longest first, so that none hides in another. */
function spellings(secrets: readonly string[]): string[] {
  const found = new Set<string>()
  for (const secret of secrets) {
    if (secret.length < shortestSecret) continue
    found.add(secret)
    found.add(escapeJson(secret))
    found.add(escapeJson(escapeJson(secret)))
    found.add(encodeURIComponent(secret.toWellFormed()))
  }
  return [...found].sort((a, b) => b.length - a.length)
}

function escapeJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function replaceSecrets(text: string, secrets: readonly string[], truncated: boolean): string {
  for (const secret of secrets) {
    if (text.includes(secret)) text = text.replaceAll(secret, redacted)
  }
  for (const [pattern, replacement] of patterns) text = text.replace(pattern, replacement)
  return truncated ? replaceCutSecret(text, secrets) : text
}

/** The cut may have left the beginning of a secret at the end of the text. */
function replaceCutSecret(text: string, secrets: readonly string[]): string {
  for (const secret of secrets) {
    for (let length = secret.length - 1; length >= shortestPrefix; length -= 1) {
      if (text.endsWith(secret.slice(0, length))) return text.slice(0, -length) + redacted
    }
  }
  return text
}

function replaceHeaders(
  headers: Readonly<Record<string, string>>,
  secrets: readonly string[],
): Record<string, string> {
  const clean: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    clean[name] = isSecretHeader(name) ? redacted : replaceSecrets(value, secrets, false)
  }
  return clean
}
