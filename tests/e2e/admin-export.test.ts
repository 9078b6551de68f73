/** Exports over HTTP: the same rows as the list, whole, and marked so. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AdminRequestList, AdminRequestRow } from '../../server/http/admin/contract.ts'
import { startGateway } from '../support/start-gateway.ts'

/** Records of CSV, read by the letter of RFC 4180. */
function parseCsv(text: string): string[][] {
  const records: string[][] = [[]]
  let position = 0
  while (position < text.length) {
    const quoted = text[position] === '"'
    const field = quoted ? /"((?:[^"]|"")*)"/y : /([^,"\r\n]*)/y
    field.lastIndex = position
    const match = field.exec(text)
    assert.ok(match, `no field at ${position}`)
    records.at(-1)?.push((match[1] ?? '').replaceAll('""', '"'))
    position = field.lastIndex
    if (text[position] === ',') position += 1
    else {
      assert.equal(text.slice(position, position + 2), '\r\n')
      position += 2
      if (position < text.length) records.push([])
    }
  }
  return records
}

test('a filtered view goes out whole as CSV and JSON lines', async (t) => {
  const gateway = await startGateway()
  t.after(() => gateway.close())
  const { data: models } = (await (await fetch(`${gateway.origin}/v1/models`)).json()) as {
    data: { id: string }[]
  }
  const model = models[0]?.id
  for (const name of ['=cmd()', 'plain', 'a "quoted", one\nof two lines'])
    await (await gateway.post({ model, input: 'hello', metadata: { name }, user: name })).text()
  for (let count = 0; count < 20; count += 1)
    await (await gateway.post({ model: `none/${count}`, input: 'x' })).text()
  const list = await gateway.admin<AdminRequestList>(`/admin/requests?model=${model}`)
  assert.equal(list.data.length, 3)

  const csv = await fetch(`${gateway.origin}/admin/requests/export?format=csv&model=${model}`)
  assert.match(csv.headers.get('content-type') ?? '', /^text\/csv; charset=utf-8/)
  assert.match(csv.headers.get('content-disposition') ?? '', /attachment; filename="requests.csv"/)
  const [head = [], ...records] = parseCsv(await csv.text())
  const end = records.pop() ?? []
  assert.deepEqual([end[0], end.length], ['# complete: 3 rows', head.length])
  const rows = records.map((record) => Object.fromEntries(record.map((value, index) => [head[index], value])))
  assert.deepEqual(
    rows.map(({ id, cost_usd, created_at }) => [id, cost_usd, created_at]),
    list.data.map(({ id, cost_usd, created_at }) => [id, cost_usd ?? '', created_at]),
  )
  assert.deepEqual(
    rows.map(({ user }) => user),
    ['a "quoted", one\nof two lines', 'plain', "'=cmd()"],
  )
  assert.deepEqual(JSON.parse(rows[2]?.metadata ?? ''), { name: '=cmd()' })

  const jsonl = await fetch(`${gateway.origin}/admin/requests/export?format=jsonl&model=${model}`)
  const lines = (await jsonl.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(lines.pop(), { export: { rows: 3, complete: true } })
  assert.deepEqual(lines as AdminRequestRow[], list.data)

  const everything = await fetch(`${gateway.origin}/admin/requests/export?format=jsonl`)
  assert.equal((await everything.text()).trim().split('\n').length, 24)
})

test('the admin key is asked for', async (t) => {
  const gateway = await startGateway({
    configure: (config) => ({ ...config, admin: { key: 'admin-key-with-24-characters' } }),
  })
  t.after(() => gateway.close())
  for (const path of [
    '/admin/requests',
    '/admin/requests/export?format=csv',
    '/admin/requests/tail',
    '/admin/sessions',
  ]) {
    assert.equal((await fetch(gateway.origin + path)).status, 401, path)
  }
  const headers = { 'x-admin-key': 'admin-key-with-24-characters' }
  assert.equal((await fetch(`${gateway.origin}/admin/requests/export?format=csv`, { headers })).status, 200)
  assert.equal((await fetch(`${gateway.origin}/openapi.json`)).status, 200)
})

test('readers who leave, and those who want the head only, take no place', async (t) => {
  const gateway = await startGateway()
  t.after(() => gateway.close())
  await (await gateway.post({ model: 'gpt-4o', input: 'hello' })).text()
  const url = `${gateway.origin}/admin/requests/export?format=csv`
  for (let count = 0; count < 25; count += 1) {
    assert.equal((await fetch(url, { method: 'HEAD' })).status, 200)
    await (await fetch(url)).body?.cancel()
    const leaving = new AbortController()
    const left = fetch(url, { signal: leaving.signal }).catch(() => undefined)
    setTimeout(() => leaving.abort(), count % 3)
    await left
  }
  const last = await fetch(url)
  assert.equal(last.status, 200)
  assert.match(await last.text(), /# complete: \d+ rows/)
})
