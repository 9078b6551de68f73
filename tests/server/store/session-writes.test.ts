/** Sessions add up their requests as these end, the first one of a chain included, whenever it is written. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Driver } from '../../../server/store/engine/driver.ts'
import { keyAt } from '../../../server/store/engine/keys.ts'
import { endLeftovers, leftoverStatements } from '../../../server/store/log/rollup-leftovers.ts'
import { pruneSessions } from '../../../server/store/log/rollup-prune.ts'
import { getSession, listSessions } from '../../../server/store/log/session-queries.ts'
import { dialects, openEngine } from './log/engines.ts'
import { day, hour, makeRow, readContext, stepContext, writeRows } from './rollup-fixtures.ts'

const start = Date.UTC(2026, 2, 4)
const root = () => makeRow({ created_at: start, response_id: 'resp_root', model: 'org/first' })
const turn = (after: number, changes = {}) =>
  makeRow({ created_at: start + after, session_id: 'resp_root', ...changes })

const find = (driver: Driver, project: string | null = 'acme') =>
  getSession(readContext(driver), { id: 'resp_root', project })

for (const dialect of dialects) {
  describe(`sessions, ${dialect}`, () => {
    it('count the first request of a chain once, before, with or after the second', async (t) => {
      const driver = await openEngine(t, dialect)
      const orders = [
        [[root()], [turn(1)], [turn(2)]],
        [[root(), turn(1)], [turn(2)]],
        [[turn(1)], [turn(2), root()]],
        [[turn(1), turn(2)], [root()]],
        [[turn(1)], [root()], [turn(2)]],
      ]
      for (const batches of orders) {
        for (const table of ['requests', 'sessions'])
          await driver.batch([{ sql: `DELETE FROM ${table}`, params: [] }])
        for (const batch of batches) await writeRows(driver, batch)
        const found = await find(driver)
        assert.equal(found?.requests, 3)
        assert.equal(found.input_tokens, 30)
        assert.equal(found.cost_usd, '0.000003000')
        assert.equal(found.started_at, new Date(start).toISOString())
        assert.equal(found.last_at, new Date(start + 2).toISOString())
      }
    })

    it('count no lone request, no first one of another project, and none that belongs elsewhere', async (t) => {
      const driver = await openEngine(t, dialect)
      await writeRows(driver, [
        makeRow(),
        { ...root(), project: 'other' },
        makeRow({ response_id: 'resp_root', session_id: 'my-run' }),
        turn(1),
      ])
      assert.equal((await find(driver))?.requests, 1)
      assert.equal(await find(driver, 'other'), null)
      assert.equal((await listSessions(readContext(driver), { ...all })).data.length, 2)
    })

    it('have what went wrong, what was estimated and what has no price apart', async (t) => {
      const driver = await openEngine(t, dialect)
      await writeRows(driver, [
        turn(1, { status: 'failed', error_code: 'x', cost_nano: null, cost_reason: 'no_usage' }),
        turn(2, { usage_source: 'estimated', model: 'org/b' }),
        turn(3, { status: 'in_progress', cost_nano: null }),
      ])
      const found = await find(driver)
      assert.deepEqual(
        [found?.requests, found?.errors, found?.unpriced, found?.input_tokens, found?.estimated_tokens],
        [2, 1, 1, 10, 30],
      )
      assert.equal(found?.last_status, 'completed')
      const where = "status = 'in_progress'"
      await driver.batch([...leftoverStatements(where), { sql: endLeftovers(where), params: [] }])
      const ended = await find(driver)
      assert.deepEqual([ended?.requests, ended?.errors, ended?.last_status], [3, 2, 'failed'])
      assert.equal(ended?.unpriced, 2, 'nobody knows what it used')
      assert.deepEqual(ended?.models, ['org/b', 'org/model'])
    })

    it('have the first request of a chain also where the second was left open', async (t) => {
      const driver = await openEngine(t, dialect)
      const end = async (where: string) =>
        driver.batch([...leftoverStatements(where), { sql: endLeftovers(where), params: [] }])
      await writeRows(driver, [root(), { ...root(), project: 'other' }, makeRow()])
      const open = { status: 'in_progress', cost_nano: null }
      await writeRows(driver, [turn(1, open), turn(2, open)])
      await end(`key < ${keyAt(start + 2)} AND status = 'in_progress'`)
      const sums = (found: Awaited<ReturnType<typeof find>>) =>
        [found?.requests, found?.errors, found?.cost_usd, found?.unpriced, found?.started_at].join(' ')
      const started = new Date(start).toISOString()
      assert.equal(sums(await find(driver)), `2 1 0.000001000 1 ${started}`)
      await end("status = 'in_progress'")
      assert.equal(sums(await find(driver)), `3 2 0.000001000 2 ${started}`)
      await writeRows(driver, [turn(3)])
      assert.equal(sums(await find(driver)), `4 2 0.000002000 2 ${started}`)
      assert.equal(await find(driver, 'other'), null)
    })

    it('have a cost as soon as that of one request is known', async (t) => {
      const driver = await openEngine(t, dialect)
      const unknown = { cost_nano: null, cost_reason: 'unknown_model' }
      const cost = async () => {
        const { data } = await listSessions(readContext(driver), { ...all })
        const found = await find(driver)
        assert.equal(data[0]?.cost_usd, found?.cost_usd)
        return [found?.requests, found?.unpriced, found?.cost_usd]
      }
      await writeRows(driver, [turn(1, unknown), turn(2, unknown)])
      assert.deepEqual(await cost(), [2, 2, null])
      await writeRows(driver, [turn(3, { cost_nano: 0 })])
      assert.deepEqual(await cost(), [3, 2, '0.000000000'])
      await writeRows(driver, [turn(4)])
      assert.deepEqual(await cost(), [4, 2, '0.000001000'])
    })

    it('name the models of each in a list', async (t) => {
      const driver = await openEngine(t, dialect)
      const at = (index: number) => ({ created_at: start + index * hour })
      const gone = makeRow({ ...at(0), session_id: 'gone', model: 'org/last' })
      await writeRows(driver, [
        gone,
        makeRow({ ...at(1), session_id: 'named', project: 'p', model: 'org/b' }),
        makeRow({ ...at(2), session_id: 'named', project: 'p', model: 'org/a' }),
        makeRow({ ...at(3), session_id: 'named', project: 'q', model: 'org/c' }),
        makeRow({ ...at(4), session_id: null, response_id: 'resp_root', model: 'org/root' }),
        makeRow({ ...at(5), session_id: 'resp_root', model: 'org/next' }),
      ])
      await driver.batch([{ sql: 'DELETE FROM requests WHERE key = ?', params: [gone.key] }])
      const { data } = await listSessions(readContext(driver), { ...all })
      assert.deepEqual(
        data.map(({ id, project, models }) => [id, project, models]),
        [
          ['resp_root', data[0]?.project, ['org/next', 'org/root']],
          ['named', 'q', ['org/c']],
          ['named', 'p', ['org/a', 'org/b']],
          ['gone', data[0]?.project, ['org/last']],
        ],
      )
    })

    it('are listed by time and project, page by page, and go with their rows', async (t) => {
      const driver = await openEngine(t, dialect)
      await writeRows(
        driver,
        Array.from({ length: 30 }, (_, index) =>
          makeRow({
            created_at: start + index * hour,
            session_id: `s${index}`,
            project: index % 2 ? 'odd' : null,
          }),
        ),
      )
      const ids: string[] = []
      let beforeKey: number | null = null
      do {
        const page = await listSessions(readContext(driver), { ...all, limit: 7, beforeKey })
        ids.push(...page.data.map(({ id }) => id))
        beforeKey = page.next === null ? null : Number.parseInt(page.next.slice(1), 36)
      } while (beforeKey !== null)
      assert.deepEqual(
        ids,
        Array.from({ length: 30 }, (_, index) => `s${29 - index}`),
      )
      const odd = await listSessions(readContext(driver), {
        ...all,
        project: 'odd',
        from: start + 3 * hour,
        to: start + 9 * hour,
      })
      assert.deepEqual(
        odd.data.map(({ id }) => id),
        ['s7', 's5', 's3'],
      )
      const step = () => pruneSessions(stepContext(driver), { before: start + day, limit: 10 })
      assert.deepEqual(await step(), { removed: 10, more: true })
      while ((await step()).more);
      const left = await listSessions(readContext(driver), all)
      assert.deepEqual(
        left.data.map(({ id }) => id),
        ['s29', 's28', 's27', 's26', 's25', 's24'],
      )
    })
  })
}

const all = { limit: 50, beforeKey: null, project: null, from: null, to: null }
