/** The many shapes of an error body, read into one. */
import { isObject, type JsonObject } from './canonical.ts'

/** What a body says; empty strings and nulls where it says nothing. */
export interface ErrorFacts {
  message: string
  /** A word such as `rate_limit_exceeded`. */
  code: string
  type: string
  param: string | null
  /** An HTTP status told in the body. */
  status: number | null
  retryAfterSeconds: number | null
}

const nothing: ErrorFacts = {
  message: '',
  code: '',
  type: '',
  param: null,
  status: null,
  retryAfterSeconds: null,
}

/**
 * OpenAI's `{error: {…}}` and `{error: "…"}`, the flat `{object: "error", …}`, the stream's `error` and `response.failed`
 * events, FastAPI's `{detail: …}` in its three forms, `{errors: […]}`, problem details, bare text.
 */
export function readErrorBody(body: unknown): ErrorFacts {
  if (typeof body === 'string') return { ...nothing, message: body }
  if (Array.isArray(body)) return body.length > 0 ? readErrorBody(body[0]) : nothing
  if (!isObject(body)) return nothing
  const inner = innerError(body)
  if (inner === null) return readFlat(body)
  const facts = typeof inner === 'string' ? { ...nothing, message: inner } : readInner(inner)
  const outer = readFlat(body)
  return {
    message: facts.message || outer.message,
    code: facts.code || outer.code,
    type: facts.type || outer.type,
    param: facts.param ?? outer.param,
    status: facts.status ?? outer.status,
    retryAfterSeconds: facts.retryAfterSeconds ?? outer.retryAfterSeconds,
  }
}

/** The member that holds the error proper, when the body only wraps it. */
function innerError(body: JsonObject): string | JsonObject | unknown[] | null {
  const { response, error, detail, errors } = body
  if (isObject(response) && isObject(response.error)) return response.error
  for (const candidate of [error, detail, errors])
    if (isObject(candidate) || (Array.isArray(candidate) && candidate.length > 0)) return candidate
  if (typeof error === 'string' && error !== '') return body.message === undefined ? error : null
  if (typeof detail === 'string' && detail !== '') return detail
  return null
}

function readInner(inner: JsonObject | unknown[]): ErrorFacts {
  if (Array.isArray(inner)) return readList(inner)
  return isObject(inner.error) || Array.isArray(inner.detail) ? readErrorBody(inner) : readFlat(inner)
}

/** FastAPI's list: where, and what; the rejected input that stands beside it is never repeated. */
function readList(list: unknown[]): ErrorFacts {
  const entries = list.filter(isObject)
  const first = entries[0]
  if (!first) return { ...nothing, message: list.filter((one) => typeof one === 'string').join('; ') }
  const messages = entries.slice(0, 3).map((entry) => {
    const place = placeOf(entry.loc)
    const message = textOf(entry.msg) || textOf(entry.message) || textOf(entry.detail)
    return place ? `${place}: ${message}` : message
  })
  const more = entries.length > 3 ? `; and ${entries.length - 3} more` : ''
  const flat = readFlat(first)
  return { ...flat, message: messages.join('; ') + more, type: '', param: placeOf(first.loc) ?? flat.param }
}

/** `["body", "tools", 0, "name"]` → `tools[0].name`. */
function placeOf(location: unknown): string | null {
  if (!Array.isArray(location)) return null
  const parts = location[0] === 'body' ? location.slice(1) : location
  let place = ''
  for (const part of parts) {
    if (typeof part === 'number') place += `[${part}]`
    else if (typeof part === 'string') place += place === '' ? part : `.${part}`
  }
  return place === '' ? null : place
}

function readFlat(body: JsonObject): ErrorFacts {
  const code = textOf(body.code) || textOf(body.error_code) || errorWord(body.error)
  const statuses = [body.code, body.status, body.status_code, body.statusCode].map(statusOf)
  return {
    message: textOf(body.message) || textOf(body.msg) || textOf(body.error_description) || textOf(body.title),
    code: /^\d+$/.test(code) ? '' : code,
    type: textOf(body.type),
    param: typeof body.param === 'string' && body.param !== '' ? body.param : null,
    status: statuses.find((status) => status !== null) ?? null,
    retryAfterSeconds: numberOf(body.retry_after_seconds) ?? numberOf(body.retry_after),
  }
}

/** `{error: "rate_limited", message: "…"}`: the error is a word, not the message. */
function errorWord(error: unknown): string {
  return typeof error === 'string' && /^[\w.-]{1,64}$/.test(error) ? error : ''
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function numberOf(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) && number >= 0 ? number : null
}

function statusOf(value: unknown): number | null {
  const number = numberOf(value)
  return number !== null && Number.isInteger(number) && number >= 400 && number <= 599 ? number : null
}
