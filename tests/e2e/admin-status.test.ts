/** What `/admin/status` tells of the store: as large and as old as it is. */
import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { AdminRequestList, AdminStatus } from '../../server/http/admin/contract.ts'
import { startGateway } from '../support/start-gateway.ts'

test('the status has the size of the store, its limit and its oldest request', async (t) => {
  const gateway = await startGateway({
    configure: (config) => ({ ...config, log: { retention: { maxBytes: 200_000_000 } } }),
  })
  t.after(() => gateway.close())
  await (await gateway.post({ model: 'gpt-4o', input: 'hello' })).text()
  const { data } = await gateway.admin<AdminRequestList>('/admin/requests')
  // It is measured with each round of retention: soon after the start, and where that was too soon a minute later.
  const ask = async () => (await gateway.admin<AdminStatus>('/admin/status')).store
  let store = await ask()
  for (let tries = 0; store.oldest_row_at === null && tries < 1800; tries += 1) {
    await pause(100)
    store = await ask()
  }
  assert.equal(store.oldest_row_at, data[0]?.created_at)
  assert.ok(Date.parse(store.oldest_body_at ?? '') >= Date.parse(store.oldest_row_at ?? ''))
  assert.equal(store.limit_bytes, 200_000_000)
  // The file may still be in the write-ahead log, which has no free pages.
  const files = [gateway.storePath, `${gateway.storePath}-wal`].map((path) => stat(path))
  const onDisk = (await Promise.all(files)).reduce((sum, { size }) => sum + size, 0)
  assert.ok(store.used_bytes !== null && store.used_bytes > 100_000 && store.used_bytes <= onDisk)
  const { problem, warning, rows_queued: queued, bodies_dropped: dropped } = store
  assert.deepEqual(
    { problem, warning, queued, dropped },
    { problem: null, warning: null, queued: 0, dropped: 0 },
  )
})
