/** A store's files hold prompts, answers and the keys that seal: they are their owner's alone. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore } from '../../../server/store/store.ts'

test('a new store can be read by its owner alone, also in a folder that others may read', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'dragoman-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'store.db')
  const store = await openStore({ url: `sqlite:${path}` })
  for (const file of [path, `${path}-wal`]) assert.equal(statSync(file).mode & 0o777, 0o600, file)
  await store.close()
})
