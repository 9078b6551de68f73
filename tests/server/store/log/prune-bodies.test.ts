import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import type { Driver } from '../../../../server/store/engine/driver.ts'
import { keyAt } from '../../../../server/store/engine/keys.ts'
import { getMedia } from '../../../../server/store/log/media-query.ts'
import { MediaStore, mediaTouchInterval } from '../../../../server/store/log/media-store.ts'
import { type PrunedBodies, pruneBodies } from '../../../../server/store/log/prune-bodies.ts'
import { parseSearch, searchKeys } from '../../../../server/store/log/search-query.ts'
import { indexRequests, indexTexts } from '../../../../server/store/log/search-writes.ts'
import { dialects, openEngine } from './engines.ts'

const day = 86_400_000
const start = 1_800_000_000_000

/** What a day left behind: three requests, a block, and a picture of its own beside one that comes every day. */
async function fillDay(driver: Driver, media: MediaStore, index: number): Promise<string> {
  const now = start + index * day
  media.begin(now)
  const body = [randomBytes(3600), Buffer.alloc(3600, 1)].map(
    (content) => `{"data":"${content.toString('base64')}"}`,
  )
  const text = media.take(Buffer.from(body.join()), {
    truncated: false,
    secrets: [],
    filter: { text: (text) => text },
  })
  const keys = [0, 1, 2].map((request) => keyAt(now) + request)
  await driver.batch([
    ...media.statements(),
    {
      sql: 'INSERT INTO blocks (id, written_at, encoding, content) VALUES (?, ?, ?, ?)',
      params: [index + 1, now, 'zstd', Buffer.from('block')],
    },
    ...indexRequests(
      keys.map((key, request) => ({ key, ids: [`item_${index}_${request}`], metadata: '{"kept":"yes"}' })),
      driver.dialect,
    ),
    ...(await indexTexts(
      driver,
      keys.map((key) => ({ key, text: `every day${index}` })),
    )),
  ])
  media.committed()
  return /sha256:([0-9a-f]{64})/.exec(text.toString())?.[1] ?? assert.fail()
}

async function count(driver: Driver, table: string): Promise<number> {
  const [row] = await driver.all(`SELECT count(*) AS size FROM ${table}`)
  return Number(row?.size)
}

for (const dialect of dialects) {
  describe(`bodies that are too old, on ${dialect}`, () => {
    it('go with what they are found by, step by step, and media with their last use', async (t) => {
      const driver = await openEngine(t, dialect)
      const media = new MediaStore()
      const own: string[] = []
      for (let index = 0; index < 10; index += 1) own.push(await fillDay(driver, media, index))
      assert.equal(await count(driver, 'media'), 11)

      const before = start + 6 * day
      const sum = { blocks: 0, searches: 0, ids: 0, media: 0 }
      let steps = 0
      for (let more = true; more; steps += 1) {
        const step: PrunedBodies = await pruneBodies({ driver }, { before, limit: 4 })
        assert.ok(step.searches <= 4 && step.ids <= 4 && step.blocks <= 1)
        for (const name of ['blocks', 'searches', 'ids', 'media'] as const) sum[name] += step[name]
        more = step.more
      }
      assert.deepEqual(sum, { blocks: 6, searches: 18, ids: 18, media: 6 })
      assert.ok(steps < 10)
      const found = await searchKeys({ driver }, { terms: parseSearch('every'), before: null, limit: 100 })
      assert.equal(found.length, 12)
      assert.ok(found.every((key) => key >= keyAt(before)))
      assert.equal(
        (await searchKeys({ driver }, { terms: parseSearch('day2'), before: null, limit: 9 })).length,
        0,
      )
      assert.equal(await count(driver, 'request_ids'), 12)
      assert.equal(await count(driver, 'request_tags'), 30, 'tags go with the rows')
      assert.equal(await count(driver, 'media_contents'), 5)
      assert.equal(await getMedia({ driver }, own[5] ?? ''), null)
      assert.equal((await getMedia({ driver }, own[6] ?? ''))?.content.length, 3600)
      const again = await pruneBodies({ driver }, { before, limit: 4 })
      assert.deepEqual(again, { blocks: 0, searches: 0, ids: 0, media: 0, more: false })
    })

    it('leave a medium that may have been used since its last use was noted', async (t) => {
      const driver = await openEngine(t, dialect)
      const media = new MediaStore()
      const hash = await fillDay(driver, media, 0)
      await pruneBodies({ driver }, { before: start + mediaTouchInterval, limit: 10 })
      assert.notEqual(await getMedia({ driver }, hash), null)
      await pruneBodies({ driver }, { before: start + mediaTouchInterval + 1, limit: 10 })
      assert.equal(await getMedia({ driver }, hash), null)
      assert.equal(await count(driver, 'media_contents'), 0)
    })
  })
}
