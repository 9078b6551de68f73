import { parseJsonText } from '../config/parse-json.ts'
import { GatewayError } from '../errors.ts'

/**
 * A JSON body as a value.
 * @throws GatewayError `unsupported_media_type` (415) or `invalid_json` (400, saying where)
 */
export function parseBody(raw: Buffer, contentType: string | undefined): unknown {
  if (!isJsonType(contentType)) {
    throw new GatewayError(
      'unsupported_media_type',
      `The content-type must be application/json, not '${(contentType ?? 'none').slice(0, 80)}'.`,
    )
  }
  if (raw.length === 0) throw new GatewayError('invalid_json', 'The body is empty. Send a JSON object.')
  const text =
    raw[0] === 0xef && raw[1] === 0xbb && raw[2] === 0xbf ? raw.toString('utf8', 3) : raw.toString('utf8')
  try {
    return JSON.parse(text)
  } catch {
    // Only now, since this is slow: where it is wrong, which JSON.parse does not always tell.
    const found = parseJsonText(text)
    const where = found.ok
      ? ''
      : `: ${found.mistakes.map(({ message, line, column }) => `${message} at line ${line}, column ${column}`)[0]}`
    throw new GatewayError('invalid_json', `The body is not valid JSON${where}.`)
  }
}

/** `application/json`, `application/*+json`, with any parameters. */
function isJsonType(contentType: string | undefined): boolean {
  return contentType !== undefined && /^\s*application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType)
}
