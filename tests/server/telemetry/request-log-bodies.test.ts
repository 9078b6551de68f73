/** What becomes of bodies on their way to the store: media, the cut, what requests are found by. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { captureChunk, createCapture } from '../../../server/gateway/capture.ts'
import type { CapturedBody } from '../../../server/gateway/exchange.ts'
import { createAdminQueries } from '../../../server/store/admin-queries.ts'
import { openSqlite } from '../../../server/store/engine/sqlite-driver.ts'
import { parseSearch, searchKeys } from '../../../server/store/log/search-query.ts'
import { captured, makeAttempt, makeExchange, openTestLog, openTestStore } from '../store/fixtures.ts'

const picture = randomBytes(30_000).toString('base64')
const imageBody = (text: string, url = `data:image/webp;base64,${picture}`) =>
  JSON.stringify({ input: [{ role: 'user', content: [{ text }, { image_url: url }] }] })

/** As the request path holds it. */
function held(text: string, limit: number): CapturedBody {
  const body = createCapture()
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += 16_384) captureChunk(body, bytes.subarray(at, at + 16_384), limit)
  return body
}

function read<Row>(path: string, sql: string, ...params: unknown[]): Row[] {
  const database = new Database(path, { readonly: true })
  try {
    return database.prepare(sql).all(...params) as Row[]
  } finally {
    database.close()
  }
}

/** Ids of requests that full-text search finds, the oldest first. */
async function search(path: string, query: string): Promise<(string | undefined)[]> {
  const driver = openSqlite({ path, readonly: true, busyTimeout: 1000 })
  try {
    const keys = await searchKeys({ driver }, { terms: parseSearch(query), before: null, limit: 100 })
    const idOf = (key: number) =>
      read<{ id: string }>(path, 'SELECT id FROM requests WHERE key = ?', key)[0]?.id
    return keys.reverse().map(idOf)
  } finally {
    await driver.close()
  }
}

test('the cut comes after media are out; what was not held is marked all the same', async (t) => {
  const store = await openTestStore(t)
  const log = await openTestLog(store, { settings: { maxBodyBytes: 1000 } })
  const cases = {
    fits: held(imageBody('é'.repeat(300)), 100_000),
    long: held(imageBody('é'.repeat(2000)), 100_000),
    unheld: held(imageBody('short'), 30_000),
  }
  const exchanges = Object.entries(cases).map(([name, clientRequest]) => ({
    name,
    ...makeExchange({ clientRequest, attempts: [makeAttempt({ request: clientRequest })] }),
  }))
  for (const exchange of exchanges) log.finished?.(exchange)
  await store.flush()
  const found = new Map<string, { text: string; bytes: number; truncated: boolean }>()
  for (const { name, id, clientRequest } of exchanges) {
    const request = await createAdminQueries(store).getRequest(id)
    const { text, bytes, truncated } = request?.client_request?.body ?? assert.fail()
    assert.deepEqual(request?.upstream_request?.body, request?.client_request?.body)
    assert.equal(request?.client_response?.body.truncated, false)
    assert.equal(bytes, clientRequest.bytes)
    found.set(name, { text: text ?? '', bytes, truncated })
  }
  assert.equal(found.get('fits')?.truncated, false)
  assert.match(
    found.get('fits')?.text ?? '',
    /"image_url":"dragoman-media:sha256:[0-9a-f]{64};type=image\/webp;/,
  )
  assert.equal(found.get('long')?.truncated, true)
  // A character that the cut split is left out.
  const long = found.get('long')?.text ?? ''
  assert.match(long, /é$/)
  assert.ok(Buffer.byteLength(long) >= 998 && Buffer.byteLength(long) <= 1000)
  assert.equal(found.get('unheld')?.truncated, true)
  assert.equal(found.get('unheld')?.text.length, 1000)
  assert.equal(read(store.path, 'SELECT hash FROM media').length, 1)
})

test('media stay in the bodies where they are not wanted apart', async (t) => {
  const store = await openTestStore(t)
  const log = await openTestLog(store, { settings: { media: false } })
  const text = imageBody('hello')
  const exchange = makeExchange({ clientRequest: captured(text) })
  log.finished?.(exchange)
  await store.flush()
  assert.equal((await createAdminQueries(store).getRequest(exchange.id))?.client_request?.body.text, text)
  assert.equal(read(store.path, 'SELECT hash FROM media').length, 0)
})

test('each project chooses what is kept of it, and calls of nobody follow the log', async (t) => {
  const store = await openTestStore(t)
  const log = await openTestLog(store, {
    settings: { bodies: 'metadata' },
    projects: new Map([
      ['open', { log: { bodies: 'full' as const, maxBodyBytes: 12 } }],
      ['closed', { log: { bodies: 'none' as const, maxBodyBytes: 1000 } }],
    ]),
  })
  const of = (projectId: string | null) =>
    makeExchange({
      caller: projectId === null ? null : { projectId, keyName: 'key' },
      clientRequest: captured('{"input":"zebra giraffe"}'),
      error: { type: 'x', code: 'y', message: `said ${projectId}`, param: null, origin: 'client' },
    })
  const [open, closed, other, nobody] = [of('open'), of('closed'), of('other'), of(null)]
  for (const exchange of [open, closed, other, nobody]) log.finished?.(exchange)
  await store.flush()
  const get = async (id: string) => createAdminQueries(store).getRequest(id)
  assert.deepEqual((await get(open.id))?.client_request?.body, {
    text: '{"input":"ze',
    bytes: 25,
    truncated: true,
    absent: null,
  })
  assert.equal((await get(closed.id))?.client_request, null)
  for (const { id } of [other, nobody]) {
    const request = await get(id)
    assert.equal(request?.client_request?.body.text, null)
    assert.equal(request?.client_request?.body.bytes, 25)
  }
  assert.deepEqual(await search(store.path, 'ze'), [open.id])
  assert.deepEqual(await search(store.path, 'giraffe'), [])
  // What the row says can be found where no body is kept.
  assert.deepEqual(await search(store.path, 'said'), [open.id, closed.id, other.id, nobody.id])
})

test('a request is found by the ids of its items and of its providers, and has its tags, once it is over', async (t) => {
  const store = await openTestStore(t)
  const log = await openTestLog(store)
  const secret = 'sk-proj-abcdefghijklmnopqrstuvwx0123456789'
  const settings = { metadata: { team: 'red', token: secret, 'a=b': 'c' } }
  const exchange = makeExchange({
    itemIds: ['msg_1', 'rs_1', 'msg_1', secret],
    settings: { ...settings } as never,
    attempts: [
      makeAttempt({ facts: { responseId: 'up_failed', model: null, metadata: null, serviceTier: null } }),
      makeAttempt({
        index: 2,
        facts: { responseId: 'up_2', model: null, metadata: null, serviceTier: null },
      }),
    ],
  })
  log.started?.(exchange)
  await store.flush()
  assert.equal(read(store.path, 'SELECT key FROM request_ids').length, 0)
  log.finished?.(exchange)
  await store.flush()
  const ids = read<{ id: string }>(store.path, 'SELECT id FROM request_ids ORDER BY id').map(({ id }) => id)
  assert.deepEqual(ids, ['msg_1', 'rs_1', 'up_2', 'up_failed'])
  const tags = read<{ tag: string }>(store.path, 'SELECT tag FROM request_tags ORDER BY tag').map(
    ({ tag }) => tag,
  )
  assert.deepEqual(tags, ['a=b=c', 'team=red', 'token=[redacted]'])
  for (const id of [...ids, exchange.id, exchange.responseId ?? '', exchange.traceId ?? ''])
    assert.equal((await createAdminQueries(store).getRequest(id))?.id, exchange.id, id)
})

test('no secret is among the words, the media or the ids', async (t) => {
  const store = await openTestStore(t)
  const providerKey = 'provider-secret-zanzibar-9911'
  const clientKey = 'client-secret-timbuktu-8822'
  const log = await openTestLog(store, { providerSecrets: [providerKey] })
  const words = `before ${providerKey} ${clientKey} Bearer eyJhbGciOiJIUzI1NiJ9abc after`
  const file = Buffer.from(`${'words '.repeat(1000)}${words}`).toString('base64')
  const body = JSON.stringify({
    instructions: words,
    input: [{ content: words }, { file_data: file }, { arguments: JSON.stringify({ words }) }],
  })
  const exchange = makeExchange({
    secrets: [clientKey],
    clientRequest: captured(body),
    clientResponse: captured(JSON.stringify({ output: [{ content: [{ text: words }] }] })),
    attempts: [makeAttempt({ request: captured(body) })],
    error: { type: 'x', code: 'y', message: words, param: null, origin: 'upstream' },
  })
  log.finished?.(exchange)
  await store.flush()
  assert.deepEqual(await search(store.path, 'before redacted after'), [exchange.id])
  for (const word of ['zanzibar', 'timbuktu', 'eyJhbGciOiJIUzI1NiJ9abc'])
    assert.deepEqual(await search(store.path, word), [], word)
  assert.equal(read(store.path, 'SELECT hash FROM media').length, 1)
  await store.close()
  const directory = dirname(store.path)
  for (const name of await readdir(directory)) {
    const text = await readFile(join(directory, name), 'latin1')
    for (const secret of [providerKey, clientKey, 'zanzibar', 'timbuktu', 'eyJhbGci'])
      assert.ok(!text.includes(secret), `${secret} is in ${name}`)
  }
})

test('nothing can be found by words where the log shall not, and the rest is as ever', async (t) => {
  const store = await openTestStore(t)
  const log = await openTestLog(store, { settings: { search: false } })
  const exchange = makeExchange({ clientRequest: captured('{"input":"zebra"}') })
  log.finished?.(exchange)
  await store.flush()
  assert.deepEqual(await search(store.path, 'zebra'), [])
  assert.equal(
    (await createAdminQueries(store).getRequest(exchange.id))?.client_request?.body.text,
    '{"input":"zebra"}',
  )
})
