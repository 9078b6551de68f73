/** Routes beside `POST /responses` that take a part of its members: compaction, and the count of the input. */
import { type CanonicalRequest, type Item, isObject } from '../shared/canonical.ts'
import { makeFailure } from '../shared/failures.ts'
import type { CompactRoute, Refusal, UpstreamRequest } from '../shared/translator.ts'
import { readUsage } from '../shared/usage.ts'
import { readFailure } from './failure.ts'
import { isErrorBody } from './stream.ts'

/** What the route is asked of a request; the rest matters to no one there, and is neither changed nor named. */
export function narrowRequest(request: CanonicalRequest, members: readonly string[]): CanonicalRequest {
  const { model } = request
  const taken = (name: string) => members.includes(name === 'reasoning_effort' ? 'reasoning' : name)
  return { ...Object.fromEntries(Object.entries(request).filter(([name]) => taken(name))), model }
}

/** Without what is added to every response's request, such as `store` and `include`. */
export function narrowBody(
  request: UpstreamRequest | Refusal,
  members: readonly string[],
): UpstreamRequest | Refusal {
  if (!request.ok) return request
  const kept = Object.entries(request.body ?? {}).filter(([name]) => members.includes(name))
  return { ...request, body: Object.fromEntries(kept), guards: {} }
}

/** `{object: "response.compaction", output: […], usage}`. */
export const readCompaction: CompactRoute['read'] = (body) => {
  if (isObject(body) && isErrorBody(body)) return { ok: false, failure: readFailure(200, {}, body) }
  const told = isObject(body) && Array.isArray(body.output) ? body.output : []
  const output = told.filter((item): item is Item => isObject(item) && typeof item.type === 'string')
  if (!output.some(({ type }) => type === 'compaction')) return { ok: false, failure: noCompaction }
  return { ok: true, output, usage: readUsage(isObject(body) ? body.usage : null) }
}

const noCompaction = makeFailure(
  'upstream_invalid_response',
  'The provider answered with something that is no compacted context.',
)

/** `{object: "response.input_tokens", input_tokens: n}`. */
export function readCount(body: unknown): number | null {
  const count = isObject(body) ? body.input_tokens : null
  return typeof count === 'number' && Number.isInteger(count) && count >= 0 ? count : null
}
