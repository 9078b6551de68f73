/** SQLite's index in parts: nothing is lost between them, in whatever order requests end, and they go whole. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { AdminRequestsQuery } from '../../../../server/http/admin/contract.ts'
import { createDeadline } from '../../../../server/store/engine/deadline.ts'
import type { Driver, Statement } from '../../../../server/store/engine/driver.ts'
import { keyAt } from '../../../../server/store/engine/keys.ts'
import { migrate } from '../../../../server/store/engine/migrate.ts'
import { migrations } from '../../../../server/store/engine/migrations.ts'
import { openSqlite } from '../../../../server/store/engine/sqlite-driver.ts'
import { listRequests } from '../../../../server/store/log/list-requests.ts'
import { pruneBodies } from '../../../../server/store/log/prune-bodies.ts'
import { checkListQuery } from '../../../../server/store/log/query-input.ts'
import { listSlices } from '../../../../server/store/log/search-parts.ts'
import { parseSearch, searchKeys } from '../../../../server/store/log/search-query.ts'
import { indexTexts, partLimits } from '../../../../server/store/log/search-writes.ts'
import { makeDirectory } from '../fixtures.ts'
import { openEngine } from './engines.ts'

const hour = 3_600_000
const start = 1_800_000_000_000
const small = { ...partLimits, requests: 7 }
const everything = { from: 0, below: Number.MAX_SAFE_INTEGER }

interface Request {
  key: number
  text: string
}

async function write(driver: Driver, requests: readonly Request[], limits = small): Promise<void> {
  const rows: Statement[] = requests.map(({ key }) => ({
    sql: `INSERT INTO requests (key, id, operation, created_at, project, status, stream, attempts)
      VALUES (?, ?, 'x', 1, ?, 'completed', 0, 1)`,
    params: [key, `req_${key}`, projectOf(key)],
  }))
  await driver.batch([...rows, ...(await indexTexts(driver, requests, limits))])
}

const projectOf = (key: number) => (key % 3 === 0 ? 'third' : 'other')

async function find(driver: Driver, query: string, before: number | null = null, limit = 1000) {
  return searchKeys({ driver }, { terms: parseSearch(query), before, limit })
}

/** The numbers of the requests in each part. */
async function countParts(driver: Driver): Promise<number[]> {
  const parts = await driver.all('SELECT requests FROM search_parts ORDER BY first_key')
  return parts.map(({ requests }) => Number(requests))
}

async function countTables(driver: Driver): Promise<number> {
  const [row] = await driver.all("SELECT count(*) AS size FROM sqlite_master WHERE name GLOB 'search_part_*'")
  return Number(row?.size)
}

/** Every page of a list from one end to the other. `patience` in milliseconds: 0 ends a page with each part. */
async function listAll(
  driver: Driver,
  query: AdminRequestsQuery,
  { direction, patience = 0 }: { direction: 'next' | 'previous'; patience?: number },
) {
  const ids: string[] = []
  let cursor: AdminRequestsQuery = direction === 'next' ? {} : { after: 'k0' }
  for (let page = 0; page < 500; page += 1) {
    const input = checkListQuery({ ...query, ...cursor }, patience)
    const answer = await listRequests({ driver, deadline: createDeadline(120_000) }, input)
    const found = answer.data.map(({ id }) => id)
    ids.push(...(direction === 'next' ? found : found.reverse()))
    const onward = answer[direction]
    if (onward === null) return ids
    cursor = direction === 'next' ? { before: onward } : { after: onward }
  }
  return assert.fail('The list has no end.')
}

describe('the parts of the search index', () => {
  it('have each request once and in order, whatever order it ends in', async (t) => {
    const texts = fc.constantFrom('left', 'right', 'left right', 'right left', '')
    // Admitted one after the other; some run so long that many others end before them.
    const request = fc.record({ delay: fc.oneof(fc.nat(3), fc.nat(60)), text: texts })
    const gap = fc.constantFrom(0, 0, 0, 7 * hour)
    const traffic = fc.array(fc.tuple(request, gap), { minLength: 1, maxLength: 80 })
    await fc.assert(
      fc.asyncProperty(traffic, fc.integer({ min: 1, max: 9 }), async (admitted, batch) => {
        const driver = openSqlite({
          path: join(await makeDirectory(t), 'log.db'),
          readonly: false,
          busyTimeout: 1000,
        })
        await migrate({ driver, name: 'test', steps: migrations, now: 1, tables: [] })
        let time = start
        const requests = admitted.map(([{ delay, text }, pause], index) => {
          time += 1000 + pause
          return { key: keyAt(time), text, end: index + delay }
        })
        const ended = requests.toSorted((one, other) => one.end - other.end)
        for (let at = 0; at < ended.length; at += batch) await write(driver, ended.slice(at, at + batch))

        const newest = requests.toReversed()
        const cases: [string, RegExp][] = [
          ['left', /left/],
          ['left right', /left.*right|right.*left/],
          ['"right left"', /right left/],
          ['le* -right', /^left$/],
          ['none left', /none/],
        ]
        for (const [query, pattern] of cases) {
          const wanted = newest.filter(({ text }) => pattern.test(text)).map(({ key }) => key)
          assert.deepEqual(await find(driver, query), wanted, query)
          const third = wanted.filter((key) => projectOf(key) === 'third').map((key) => `req_${key}`)
          const all = wanted.map((key) => `req_${key}`)
          for (const [filter, ids] of [
            [{}, all],
            [{ project: 'third' }, third],
          ] as const) {
            const asked = { q: query, limit: 3, ...filter }
            assert.deepEqual(await listAll(driver, asked, { direction: 'next' }), ids, query)
            assert.deepEqual(await listAll(driver, asked, { direction: 'previous' }), ids.toReversed(), query)
          }
        }
        const slices = await listSlices({ driver, range: everything, order: 'ASC' })
        for (const [index, { below }] of slices.slice(0, -1).entries())
          assert.equal(below, slices[index + 1]?.from)
        await driver.close()
      }),
      { numRuns: 25 },
    )
  })

  it('are closed by number, by length and by hours, but for requests that ended late', async (t) => {
    const driver = await openEngine(t, 'sqlite')
    const key = (index: number) => keyAt(start + index * 1000)
    const some = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, index) => ({ key: key(from + index), text: 'word' }))
    await write(driver, some(10, 30))
    assert.deepEqual(await countParts(driver), [7, 7, 6])
    // Between full ones they have their place; before the first there is another.
    await write(driver, [{ key: key(12) + 5, text: 'late' }, ...some(30, 31)])
    assert.deepEqual(await countParts(driver), [8, 7, 7])
    await write(driver, [{ key: key(9), text: 'late' }])
    assert.deepEqual(await countParts(driver), [1, 8, 7, 7])
    await write(driver, [{ key: key(31), text: 'x'.repeat(100) }], { ...small, characters: 50 })
    await write(driver, some(32, 33), { ...small, characters: 50 })
    assert.deepEqual(await countParts(driver), [1, 8, 7, 7, 1, 1])
    await write(driver, [{ key: key(32) + keyAt(6 * hour), text: 'word' }])
    await write(driver, [{ key: key(33) + keyAt(6 * hour), text: 'word' }])
    assert.deepEqual(await countParts(driver), [1, 8, 7, 7, 1, 1, 2])
    assert.deepEqual(await find(driver, 'late'), [key(12) + 5, key(9)])
  })

  it('go whole, and what is hidden before is not found, also when it comes late', async (t) => {
    const driver = await openEngine(t, 'sqlite')
    const keys = Array.from({ length: 21 }, (_, index) => keyAt(start + index * 1000))
    await write(
      driver,
      keys.map((key) => ({ key, text: 'word' })),
    )
    const cut = keys[16] as number
    const before = start + 16_000
    const first = await pruneBodies({ driver }, { before, limit: 1 })
    assert.deepEqual([first.searches, first.more], [7, true])
    const kept = keys.slice(16).reverse()
    assert.deepEqual(await find(driver, 'word'), kept)
    assert.equal((await pruneBodies({ driver }, { before, limit: 1 })).searches, 7)
    assert.deepEqual(await pruneBodies({ driver }, { before, limit: 1 }), {
      blocks: 0,
      searches: 0,
      ids: 0,
      media: 0,
      more: false,
    })
    assert.deepEqual(await countParts(driver), [7])
    assert.deepEqual(await find(driver, 'word'), kept)
    await write(driver, [
      { key: (keys[15] as number) + 1, text: 'word' },
      { key: cut + 1, text: 'word' },
    ])
    assert.deepEqual(await find(driver, 'word'), [...kept.slice(0, -1), cut + 1, cut])

    await pruneBodies({ driver }, { before: start + hour, limit: 1 })
    assert.equal(await countTables(driver), 0)
    assert.deepEqual(await find(driver, 'word'), [])
    await write(driver, [{ key: keyAt(start + 2 * hour), text: 'word' }])
    assert.deepEqual(await find(driver, 'word'), [keyAt(start + 2 * hour)])
  })

  it('may go while a batch waits to be written, which loses nothing', async (t) => {
    const driver = await openEngine(t, 'sqlite')
    const [first, second] = [keyAt(start), keyAt(start + 1000)]
    await write(driver, [{ key: first, text: 'word' }])
    // Twice, so that the statements are known to the driver.
    for (const key of [second, second + 1]) {
      const statements = await indexTexts(driver, [{ key, text: 'word' }], small)
      await pruneBodies({ driver }, { before: start + hour, limit: 1 })
      assert.equal(await countTables(driver), 0)
      await driver.batch(statements)
      assert.deepEqual(await find(driver, 'word'), [key])
    }
  })

  it('may go while another connection reads them', async (t) => {
    const path = join(await makeDirectory(t), 'log.db')
    const writer = openSqlite({ path, readonly: false, busyTimeout: 1000 })
    await migrate({ driver: writer, name: 'test', steps: migrations, now: 1, tables: [] })
    const reader = openSqlite({ path, readonly: true, busyTimeout: 1000 })
    t.after(async () => {
      await reader.close()
      await writer.close()
    })
    const idsOf = async (driver: Driver) => (await find(driver, 'word')).map((key) => `req_${key}`)
    const patient = { direction: 'next', patience: 10_000 } as const
    const listOf = (driver: Driver) => listAll(driver, { q: 'word', limit: 4 }, patient)
    const filtered = (driver: Driver) => listAll(driver, { q: 'word', status: ['completed'] }, patient)
    // First with statements that are prepared, then with new ones.
    for (const [round, read] of [idsOf, idsOf, listOf, filtered].entries()) {
      const begin = start + round * hour
      const keys = Array.from({ length: 21 }, (_, index) => keyAt(begin + index * 1000))
      await write(
        writer,
        keys.map((key) => ({ key, text: 'word' })),
      )
      if (round === 0) assert.equal((await idsOf(reader)).length, 21)
      let looks = 0
      const hasty: Driver = {
        ...reader,
        dialect: 'sqlite',
        all: async (sql, params) => {
          looks += sql.includes('search_part_') ? 1 : 0
          for (let more = looks === 1; more; )
            more = (await pruneBodies({ driver: writer }, { before: begin + 14_000, limit: 1 })).more
          return reader.all(sql, params)
        },
      }
      const wanted = keys.slice(14).map((key) => `req_${key}`)
      assert.deepEqual(await read(hasty), wanted.reverse())
      assert.ok(looks > 1)
      assert.equal((await countParts(writer)).length, 1)
    }
    const broken: Driver = { ...reader, dialect: 'sqlite', all: reader.all.bind(reader) }
    broken.all = async (sql, params) => {
      if (sql.includes('MATCH')) throw new Error('something else')
      return reader.all(sql, params)
    }
    await assert.rejects(find(broken, 'word'), /something else/)
  })
})
