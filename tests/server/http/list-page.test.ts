import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readInclude } from '../../../server/http/call.ts'
import { cutPage, readPageQuery, renderList } from '../../../server/http/list-page.ts'
import type { Item } from '../../../translators/shared/canonical.ts'

const parse = (query: string) => new URLSearchParams(query)
const items = (ids: string): Item[] => [...ids].map((id) => ({ type: 'item', id }))

/** The ids of all pages, one string each. */
function walk(list: readonly Item[], limit: number, order: 'asc' | 'desc'): string[] {
  const pages: string[] = []
  let after: string | null = null
  for (;;) {
    const page = cutPage(list, { limit, order, after })
    pages.push(page.items.map(({ id }) => id).join(''))
    if (!page.hasMore) return pages
    after = page.items.at(-1)?.id ?? null
  }
}

describe('pages', () => {
  it('cover the list once, in both orders', () => {
    assert.deepEqual(walk(items('abcde'), 2, 'asc'), ['ab', 'cd', 'e'])
    assert.deepEqual(walk(items('abcde'), 2, 'desc'), ['ed', 'cb', 'a'])
    assert.deepEqual(walk(items('abcd'), 2, 'asc'), ['ab', 'cd'])
    assert.deepEqual(walk(items('abc'), 100, 'desc'), ['cba'])
    assert.deepEqual(walk([], 3, 'asc'), [''])
  })
  it('end also where an id stands twice', () => {
    for (const order of ['asc', 'desc'] as const)
      for (const limit of [1, 2, 3]) assert.ok(walk(items('abacab'), limit, order).length <= 6)
  })
  it('begin after an item of the list only', () => {
    assert.throws(() => cutPage(items('abc'), { limit: 2, order: 'asc', after: 'd' }), { param: 'after' })
  })
  it('name their first and last', () => {
    const page = renderList(items('xyz'), true, false)
    assert.deepEqual([page.object, page.first_id, page.last_id, page.has_more], ['list', 'x', 'z', true])
    assert.deepEqual(renderList([], false, false), {
      object: 'list',
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
    })
  })
})

describe('the query of a list', () => {
  it('has its defaults, also for empty values', () => {
    const defaults = { limit: 20, order: 'desc', after: null }
    assert.deepEqual(readPageQuery(parse('')), defaults)
    assert.deepEqual(readPageQuery(parse('limit=&order=&after=')), defaults)
    assert.deepEqual(readPageQuery(parse('limit=100&order=asc&after=a')), {
      limit: 100,
      order: 'asc',
      after: 'a',
    })
  })
  it('names what is wrong', () => {
    for (const limit of ['0', '101', '-1', '1.5', '1e1', '0x5', ' 5', 'NaN', '9'.repeat(400)])
      assert.throws(() => readPageQuery(parse(`limit=${encodeURIComponent(limit)}`)), {
        code: 'invalid_request',
        param: 'limit',
      })
    assert.throws(() => readPageQuery(parse('order=ASC')), { param: 'order', message: /must be asc or desc/ })
  })
  it('takes include in every spelling of clients', () => {
    assert.deepEqual(readInclude(parse('include[]=a&include[]=b')), ['a', 'b'])
    assert.deepEqual(readInclude(parse('include%5B%5D=a&include=b&include[0]=c')), ['a', 'b', 'c'])
    assert.deepEqual(readInclude(parse('included=a&include[x]=b')), [])
  })
})
