/** What a provider's error means for the client: one truthful status, a code, whose fault, and whether to try again. */
import { isObject } from '../shared/canonical.ts'
import { type ErrorFacts, readErrorBody } from '../shared/error-body.ts'
import { sanitizeMessage } from '../shared/safe-message.ts'
import type { UpstreamFailure } from '../shared/translator.ts'

/** An error as providers tell it: the status that counts, and what the body says. */
interface Told {
  /** Of the HTTP response, or of the error body under a 200. */
  status: number
  facts: ErrorFacts
  /** The body's own code, else its type, in lower case. */
  word: string
  /** The body is a JSON object, not bare text. */
  isStructured: boolean
  headers: Record<string, string>
}

/** @param body parsed JSON, or the text when it is none. Header names are lower case. */
export function readFailure(status: number, headers: Record<string, string>, body: unknown): UpstreamFailure {
  const facts = readErrorBody(body)
  const told: Told = {
    status: status >= 300 ? status : (facts.status ?? statusOfWords(facts)),
    facts,
    word: (facts.code || facts.type).toLowerCase(),
    isStructured: isObject(body),
    headers,
  }
  const meaning = meaningOf(told)
  return {
    ...meaning,
    message: meaning.message || wordsOf(facts) || defaultMessage(told.status),
    param: meaning.origin === 'client' ? safeParam(facts.param ?? meaning.param) : null,
    retryAfterSeconds: meaning.retryable ? retryAfter(told) : null,
  }
}

/** The provider's own words; a bare number, as routers and proxies answer, is none. */
function wordsOf(facts: ErrorFacts): string {
  const message = sanitizeMessage(facts.message)
  return /\p{L}/u.test(message) ? message : ''
}

type Meaning = Omit<UpstreamFailure, 'retryAfterSeconds'>

interface MeaningOptions {
  retryable?: boolean
  /** Replaces the provider's own words. */
  message?: string
  param?: string | null
}

function byClient(status: number, code: string, options: MeaningOptions = {}): Meaning {
  return { status, code, origin: 'client', retryable: false, message: '', param: null, ...options }
}

function byUpstream(status: number, code: string, options: MeaningOptions = {}): Meaning {
  return { status, code, origin: 'upstream', retryable: true, message: '', param: null, ...options }
}

/** Words that mean the same thing whatever the status they come with. */
function meaningOf(told: Told): Meaning {
  return meaningOfWord(told) ?? meaningOfStatus(told)
}

const quotaWords =
  /insufficient_quota|budget_exceeded|billing|quota_exceeded|payment_required|insufficient_(?:funds|credits|balance)/
const contextWords = /context_length_exceeded|context_window_exceeded|string_above_max_length|prompt_too_long/
/** Servers of open models say it in a sentence only. */
const contextSentence =
  /(?:exceed|longer than|maximum|too long|too large).{0,80}(?:context (?:length|window|size)|model length)|context (?:length|window|size).{0,80}(?:exceeded|too long)|prompt is too long/is

function meaningOfWord(told: Told): Meaning | null {
  const { word, status } = told
  if (status === 402 || quotaWords.test(word))
    return byUpstream(502, 'upstream_quota_exceeded', {
      message: 'The provider account behind this gateway has no quota left. Its operator must raise it.',
    })
  if (contextWords.test(word) || (isRefused(told) && contextSentence.test(told.facts.message)))
    return byClient(400, 'context_length_exceeded')
  if (/^idempotency_(?:error|key_conflict|key_reused)$/.test(word))
    return byClient(409, 'idempotency_key_conflict')
  if (word === 'idempotency_key_in_progress')
    return byClient(409, 'idempotency_key_in_progress', { retryable: true })
  if (/previous_response_(?:id_)?not_found/.test(word))
    return byClient(400, 'previous_response_not_found', { param: 'previous_response_id' })
  if (isUnknownModel(told))
    return byUpstream(502, 'upstream_model_not_found', {
      message:
        'The provider does not know the model that this gateway routes to. Its operator must check the target.',
    })
  return null
}

/** For what it says, rather than for who asks or how often. */
function isRefused({ status }: Told): boolean {
  return status === 400 || status === 413 || status === 422
}

/** The client's model was found in the configuration: a provider that misses it is the configuration's fault. */
function isUnknownModel({ status, word, facts }: Told): boolean {
  if (status === 401 || status === 403 || status >= 500) return false
  if (/model_not_found|unknown_model|deploymentnotfound|model_not_available|invalid_model/.test(word))
    return true
  if (status === 404)
    return (
      /\b(?:model|deployment)\b/i.test(facts.message) && !/response|item|conversation/i.test(facts.message)
    )
  return (
    facts.param === 'model' ||
    (status === 422 && /\bmodel\b.*\b(?:not found|unknown|does not exist|missing)/i.test(facts.message))
  )
}

const refusedCredentials =
  "The provider refused this gateway's credentials. Its operator must check the provider's key; yours was fine."

const wrongAddress =
  'The provider has no API at the configured address (status 404). Its operator must check the base URL.'

function meaningOfStatus(told: Told): Meaning {
  const { status, word } = told
  if (status === 401 || status === 403)
    return byUpstream(502, 'upstream_authentication_failed', { message: refusedCredentials })
  if (status === 400 || status === 422) return byClient(400, clientCode(word))
  if (status === 404) return meaningOfNotFound(told)
  if (status === 408) return byUpstream(504, 'upstream_timeout')
  if (status === 409) return byClient(409, safeCode(word) ?? 'conflict', { retryable: true })
  if (status === 413) return byClient(413, 'body_too_large')
  if (status === 416) return byClient(400, 'max_output_tokens_exceeded', { param: 'max_output_tokens' })
  if (status === 429) return byUpstream(429, 'rate_limit_exceeded')
  return status >= 500 ? meaningOfServerError(status) : byUpstream(502, 'upstream_error')
}

/** An API says in an object what it has not found. A bare 404 is of a web server that has no API at this address. */
function meaningOfNotFound({ word, isStructured }: Told): Meaning {
  if (!isStructured) return byUpstream(502, 'upstream_error', { message: wrongAddress })
  return byClient(404, /not_found/.test(word) ? clientCode(word) : 'not_found')
}

function meaningOfServerError(status: number): Meaning {
  if (status === 504 || status === 522 || status === 524) return byUpstream(504, 'upstream_timeout')
  if (status === 503 || status === 529) return byUpstream(503, 'upstream_overloaded')
  if (status === 501) return byUpstream(502, 'upstream_not_implemented')
  return byUpstream(502, 'upstream_error')
}

/** The provider's own word when it is one, else the gateway's. */
function clientCode(word: string): string {
  const code = safeCode(word)
  return code === null ||
    /^(?:invalid_request(?:_error)?|bad_?request(?:error)?|validation_error)$/.test(code)
    ? 'invalid_request'
    : code
}

function safeCode(word: string): string | null {
  return /^[a-z][a-z0-9_.-]{0,63}$/.test(word) ? word : null
}

const wordStatuses: readonly [RegExp, number][] = [
  [/rate_limit|too_many_requests|throttl/, 429],
  [/quota|budget|billing|payment/, 402],
  [/auth|invalid_api_key|api_key/, 401],
  [/permission|forbidden/, 403],
  [/not_found/, 404],
  [/overloaded|unavailable|capacity/, 503],
  [/timeout|timed_out/, 504],
  [/invalid|bad_?request|validation|context_length|unsupported|content_filter|content_policy/, 400],
]

/** An error body under a 200 has no status of its own: its words stand for one, 500 when they say nothing. */
function statusOfWords({ code, type }: ErrorFacts): number {
  for (const word of [code.toLowerCase(), type.toLowerCase()]) {
    const found = wordStatuses.find(([pattern]) => pattern.test(word))
    if (found) return found[1]
  }
  return 500
}

function safeParam(param: string | null): string | null {
  return param !== null && /^[\w.[\]-]{1,100}$/.test(param) ? param : null
}

function defaultMessage(status: number): string {
  if (status === 429) return 'The provider is limiting the rate of requests.'
  if (status === 503 || status === 529) return 'The provider is overloaded.'
  if (status === 504 || status === 408) return 'The provider took too long.'
  if (status >= 400 && status < 500) return `The provider rejected the request (status ${status}).`
  if (status >= 300 && status < 400) return 'The provider answered with a redirect, which is not followed.'
  return `The provider failed (status ${status}).`
}

/** A provider that asks for more than a day means something else. */
const longestRetryAfter = 86_400

/** Seconds from `retry-after-ms`, `retry-after` (seconds, or a date set against the response's own), or the body. */
function retryAfter({ headers, facts }: Told): number | null {
  const milliseconds = Number(headers['retry-after-ms'] || Number.NaN)
  const seconds =
    milliseconds >= 0
      ? milliseconds / 1000
      : (secondsOf(headers['retry-after'], headers.date) ?? facts.retryAfterSeconds)
  return seconds === null ? null : Math.min(seconds, longestRetryAfter)
}

function secondsOf(value: string | undefined, date: string | undefined): number | null {
  if (!value) return null
  const seconds = Number(value)
  if (seconds >= 0) return seconds
  const difference = Date.parse(value) - Date.parse(date ?? '')
  return Number.isNaN(difference) ? null : Math.max(0, Math.ceil(difference / 1000))
}
