/** Provider messages made fit for a client: no key, no internals, no page of HTML, one paragraph. */

/** Characters; a provider's validation errors fit, a dump does not. */
const maxMessageLength = 500

const secrets: readonly [RegExp, string][] = [
  [/\bBearer\s+[\w.~+/=-]+/gi, 'Bearer [redacted]'],
  [/\b(?:sk|pk|rk|scw|proj)[-_][\w*.-]{8,}/gi, '[redacted]'],
  [/\bAIza[\w-]{20,}/g, '[redacted]'],
  [/\beyJ[\w-]+\.[\w-]+(?:\.[\w-]+)?/g, '[redacted]'],
  [/\borg-[\w-]{4,}/g, '[redacted]'],
  [/\b[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}\b/gi, '[id]'],
  [
    /\b(?:api[-_ ]?key|x-admin-key|authorization|password|secret|token)\b\s*[:=]\s*["']?(?=[\w.~+/*-]*[\d*])[\w.~+/*-]{8,}["']?/gi,
    '[redacted]',
  ],
]

const addresses = /\b(?:https?|wss?|postgres(?:ql)?|redis|amqp|mongodb(?:\+srv)?|grpc):\/\/[^\s"'<>)\]]+/gi

const internals: readonly [RegExp, string][] = [
  [/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g, '[address]'],
  [/\b[\w.-]+\.(?:internal|local|svc|cluster\.local|lan|corp)\b(?::\d+)?/gi, '[address]'],
  [/\blocalhost(?::\d+)?\b/gi, '[address]'],
  [
    /(?:\/(?:usr|home|opt|app|var|srv|root|tmp|etc|mnt|workspace|site-packages)\/|[A-Z]:\\)[^\s"',)]+/g,
    '[path]',
  ],
]

/** Public documentation is for the client; any other address is the provider's own business. */
function keepAddress(address: string): string {
  const trailing = /[.,;:!?]+$/.exec(address)?.[0] ?? ''
  const bare = address.slice(0, address.length - trailing.length)
  const isDocumentation =
    /^https:\/\/(?:docs\.|help\.|[\w.-]+\/(?:[\w-]+\/)*docs(?:\/|$))/i.test(bare) && !bare.includes('@')
  return (isDocumentation ? bare.replace(/[?#].*$/, '') : '[address]') + trailing
}

/** A stack trace starts somewhere; what stands before it is the message. */
function cutTrace(text: string): string {
  const start = text.search(/Traceback \(most recent call last\)|\n\s+at \S|\n\s*File "/)
  return start < 0 ? text : text.slice(0, start)
}

/** The title of an HTML page, or its text without tags. */
function fromHtml(text: string): string {
  if (!/<\s*(?:!doctype|html|head|body|title|h1)\b/i.test(text)) return text
  const head = text.slice(0, 20_000)
  const title = /<title[^>]*>([^<]*)<\/title>/i.exec(head)?.[1]?.trim()
  if (title) return title
  return head.replace(/<(script|style)\b[\s\S]*?<\/\1>/gi, ' ').replace(/<[^>]*>/g, ' ')
}

/** @returns the message, or an empty string when nothing is left to say. */
export function sanitizeMessage(message: string): string {
  let text = cutTrace(fromHtml(message.slice(0, 50_000))).slice(0, 8 * maxMessageLength)
  for (const [pattern, replacement] of secrets) text = text.replace(pattern, replacement)
  text = text.replace(addresses, keepAddress)
  for (const [pattern, replacement] of internals) text = text.replace(pattern, replacement)
  // Control characters would break the log line and the header alike.
  text = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  return text.length <= maxMessageLength ? text : `${text.slice(0, maxMessageLength - 1).trimEnd()}…`
}
