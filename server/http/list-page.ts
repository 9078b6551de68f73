/** Lists of items in pages, as OpenAI's SDKs walk them: by `has_more` and the id of the last one. */
import type { Item } from '../../translators/shared/canonical.ts'
import { GatewayError } from '../errors.ts'
import { viewItem } from '../gateway/state/stored-view.ts'
import type { PageQuery } from '../store/state/state.ts'
import { readInteger, readParameter, readWord } from './call.ts'

/** The body of a list. */
export interface ListBody {
  object: 'list'
  data: Item[]
  /** Null for an empty page. */
  first_id: string | null
  last_id: string | null
  has_more: boolean
}

/**
 * `limit` (1 to 100, default 20), `order` (default `desc`) and `after`.
 * @throws GatewayError `invalid_request` (400) naming the parameter.
 */
export function readPageQuery(query: URLSearchParams): PageQuery {
  return {
    limit: readInteger(query, 'limit', { min: 1, max: 100 }) ?? 20,
    order: readWord(query, 'order', ['asc', 'desc'] as const) ?? 'desc',
    after: readParameter(query, 'after'),
  }
}

/**
 * One page of items that stand in their own order. An id that stands more than once is the last of its kind for
 * `after`, so that a walk of the pages ends.
 * @throws GatewayError `invalid_request` (400) for an unknown `after`.
 */
export function cutPage(
  items: readonly Item[],
  { limit, order, after }: PageQuery,
): { items: Item[]; hasMore: boolean } {
  const ordered = order === 'asc' ? items : items.toReversed()
  const position = after === null ? -1 : ordered.findLastIndex(({ id }) => id === after)
  if (after !== null && position === -1) throw afterNotFound(after)
  const end = position + 1 + limit
  return { items: ordered.slice(position + 1, end), hasMore: end < ordered.length }
}

export function afterNotFound(after: string): GatewayError {
  return new GatewayError(
    'invalid_request',
    `There is no item with the id '${after.slice(0, 80)}' in this list. Send the last_id of the page before as after.`,
    { param: 'after' },
  )
}

/** @param encrypted whether encrypted reasoning is shown. */
export function renderList(items: readonly Item[], hasMore: boolean, encrypted: boolean): ListBody {
  return {
    object: 'list',
    data: items.map((item) => viewItem(item, encrypted)),
    first_id: items[0]?.id ?? null,
    last_id: items.at(-1)?.id ?? null,
    has_more: hasMore,
  }
}
