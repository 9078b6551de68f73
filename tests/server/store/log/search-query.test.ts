import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { GatewayError } from '../../../../server/errors.ts'
import type { Driver } from '../../../../server/store/engine/driver.ts'
import { listSlices } from '../../../../server/store/log/search-parts.ts'
import { parseSearch, searchCondition, searchKeys } from '../../../../server/store/log/search-query.ts'
import { indexTexts } from '../../../../server/store/log/search-writes.ts'
import { dialects, openEngine } from './engines.ts'

const texts = [
  'The quick brown fox jumps over the lazy dog',
  'Größe und Café, naïve façade',
  'see src/server/app.ts or mail user@example.com about foo-bar_baz 1.5e3',
  '日本語のテキストを検索する',
  "it's a dog’s life, don't stop",
  'quick dog; brown cat',
]

const base = 1_800_000_000_000 * 1024

async function fill(driver: Driver, written = texts): Promise<void> {
  const keyed = written.map((text, index) => ({ key: base + index, text }))
  await driver.batch(await indexTexts(driver, keyed))
}

async function find(driver: Driver, query: string): Promise<number[]> {
  const keys = await searchKeys({ driver }, { terms: parseSearch(query), before: null, limit: 10 })
  return keys.map((key) => key - base)
}

const cases: [query: string, found: number[]][] = [
  ['quick', [5, 0]],
  ['QUICK dog', [5, 0]],
  ['quick cat', [5]],
  ['"quick brown"', [0]],
  ['"brown quick"', []],
  ['quick -cat', [0]],
  ['quick -"brown fox"', [5]],
  ['qui*', [5, 0]],
  ['qui', []],
  ['"brown f"*', [0]],
  ['"brown f', []],
  ['grosse', []],
  ['große', [1]],
  ['grö*', [1]],
  ['cafe naive FACADE', [1]],
  ['cafe\u0301', [1]],
  ['app.ts', [2]],
  ['src/server', [2]],
  ['user@example.com', [2]],
  ['server/app', [2]],
  ['foo-bar', [2]],
  ['1.5e3', [2]],
  ['検索', [3]],
  ['索検', []],
  ['テキスト', [3]],
  ["dog's life", [4]],
  ['AND quick', []],
  ['quick OR fox', []],
  ['NEAR(quick fox)', []],
]

for (const dialect of dialects) {
  describe(`search on ${dialect}`, () => {
    it('finds words, phrases, beginnings, and not what must not occur', async (t) => {
      const driver = await openEngine(t, dialect)
      await fill(driver)
      for (const [query, wanted] of cases) assert.deepEqual(await find(driver, query), wanted, query)
    })

    it('takes whatever a user types for words', async (t) => {
      const driver = await openEngine(t, dialect)
      await fill(driver)
      for (const query of oddQueries) {
        const found = await find(driver, query)
        assert.ok(Array.isArray(found), query)
      }
      for (const sign of `'"\\*-+&|!():<>^{}[]~?$%#@;,./\0\n\u2028`) {
        assert.deepEqual(await find(driver, `quick${sign} dog`), [5, 0], JSON.stringify(sign))
        assert.deepEqual(
          await find(driver, `${sign} quick`),
          sign === '"' ? [5, 0] : [5, 0],
          JSON.stringify(sign),
        )
      }
    })

    it('gives pages by key, and holds a row to the words', async (t) => {
      const driver = await openEngine(t, dialect)
      await fill(driver)
      const terms = parseSearch('dog')
      const page = (before: number | null, from: number, limit: number) =>
        searchKeys({ driver }, { terms, before, from, limit })
      assert.deepEqual(await page(null, 0, 2), [base + 5, base + 4])
      assert.deepEqual(await page(base + 4, 0, 2), [base])
      assert.deepEqual(await page(base + 4, base + 1, 2), [])
      await driver.batch(
        [0, 1].map((index) => ({
          sql: `INSERT INTO requests (key, id, operation, created_at, status, stream, attempts) VALUES (?, ?, 'x', 1, 'x', 0, 0)`,
          params: [base + index, `req_${index}`],
        })),
      )
      const held = async (query: string) => {
        const terms = parseSearch(query)
        const range = { from: base, below: base + 10 }
        const [slice = assert.fail()] = await listSlices({ driver, range, order: 'DESC' })
        const { sql, params } = searchCondition({ dialect, table: slice.table, terms }, slice)
        const rows = await driver.all(`SELECT id FROM requests WHERE ${sql} ORDER BY key`, params)
        return rows.map(({ id }) => id)
      }
      assert.deepEqual(await held('dog'), ['req_0'])
      assert.deepEqual(await held('quick dog'), ['req_0'])
      assert.deepEqual(await held('"lazy dog" -cat -"dog lazy"'), ['req_0'])
      for (const query of ['quick -fox', 'quick cat', '"brown quick"', 'qui', 'dog -"lazy dog"'])
        assert.deepEqual(await held(query), [], query)
      assert.deepEqual(await held('cafe -dog'), ['req_1'])
    })

    it('looks into some after the other where there are many, and leaves none out', async (t) => {
      const driver = await openEngine(t, dialect)
      const count = 12_000
      const textAt = (index: number) =>
        `common ${index % 500 === 0 ? 'some' : ''} ${[0, 5000, count - 1].includes(index) ? 'rare' : ''}`
      const keys = Array.from({ length: count }, (_, index) => base + index * 1000)
      await driver.batch(
        await indexTexts(
          driver,
          keys.map((key, index) => ({ key, text: textAt(index) })),
        ),
      )
      if (dialect === 'postgres') {
        await driver.all('ANALYZE search')
        const slices = await listSlices({ driver, range: { from: 0, below: base * 2 }, order: 'DESC' })
        assert.ok(slices.length > 2)
        assert.deepEqual([slices[0]?.below, slices.at(-1)?.from, slices.at(-1)?.reached], [base * 2, 0, null])
        for (const [index, { from, reached }] of slices.slice(0, -1).entries())
          assert.deepEqual([slices[index + 1]?.below, reached], [from, from])
      }
      const walk = async (query: string, limit: number) => {
        const found: number[] = []
        for (let before: number | null = null; ; before = found.at(-1) ?? null) {
          const page = await searchKeys({ driver }, { terms: parseSearch(query), before, limit })
          found.push(...page)
          if (page.length < limit) return found.map((key) => (key - base) / 1000)
        }
      }
      assert.deepEqual(await walk('rare', 2), [count - 1, 5000, 0])
      assert.deepEqual(
        await walk('some common', 5),
        Array.from({ length: 24 }, (_, index) => (23 - index) * 500),
      )
      assert.deepEqual(await walk('"some rare"', 5), [5000, 0])
      assert.equal((await walk('common', 5000)).length, count)
      const within = {
        terms: parseSearch('some'),
        before: keys[5000] ?? null,
        from: keys[4500] ?? 0,
        limit: 9,
      }
      assert.deepEqual(await searchKeys({ driver }, within), [keys[4500]])
    })

    it('takes a beginning for all words that it stands for', async (t) => {
      const driver = await openEngine(t, dialect)
      const words = Array.from({ length: 201 }, (_, index) => `many${index} last${index % 200}`)
      await fill(driver, [...words, 'Ünder Großes', 'a under', '한국어'])
      assert.equal((await find(driver, 'last*')).length, 10)
      assert.deepEqual(await find(driver, 'many2* -many20* -many21* -last2 -last*'), [])
      assert.deepEqual(
        await find(driver, 'many19* -last199 -"many198 la"*'),
        [197, 196, 195, 194, 193, 192, 191, 190, 19],
      )
      assert.deepEqual(await find(driver, 'ünd*'), [202, 201])
      assert.deepEqual(await find(driver, 'UND* GROSS*'), [], 'ß is a letter of its own')
      assert.deepEqual(await find(driver, 'und* GRÖẞ*'), [201])
      assert.deepEqual(await find(driver, '한국*'), [203])
      assert.deepEqual(await find(driver, 'under -none*'), [202, 201])
      assert.deepEqual(
        await find(driver, 'man*'),
        Array.from({ length: 10 }, (_, index) => 200 - index),
      )
    })

    it('has a request once, whatever number of times it is written', async (t) => {
      const driver = await openEngine(t, dialect)
      await fill(driver)
      await fill(driver)
      assert.deepEqual(await find(driver, 'quick'), [5, 0])
    })
  })
}

const oddQueries = [
  'a"b"c',
  '"unclosed',
  '""x',
  'x ""',
  '"-" x',
  '-"" x',
  '* x',
  'x**',
  "x' OR '1'='1",
  'x:* & !y',
  'search:x',
  'x \uD800',
  '𞤀𞤁 x',
  '😀 x',
  'x\0y',
  '\\x',
  'ﬀ İ ß',
  'क्षि हिन्दी',
]

describe('a query', () => {
  it('is refused without a word to look for, or when it is too long, by its name', () => {
    for (const query of ['', ' ', '-only', '"" - *', '😀', '-"a b"', 'x'.repeat(1001), 'w '.repeat(33)])
      assert.throws(
        () => parseSearch(query, 'q'),
        (error: GatewayError) => error.param === 'q' && error.status === 400,
        query,
      )
  })
})
