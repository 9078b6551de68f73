/** One request: its cost line by line, and why bodies are not there. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import type { AdminRequest, AdminRequestList } from '../../server/http/admin/contract.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

async function firstModel(gateway: TestGateway): Promise<string> {
  const { data } = (await (await fetch(`${gateway.origin}/v1/models`)).json()) as { data: { id: string }[] }
  return data[0]?.id ?? ''
}

test('bodies that are gone are said to be, and the id of a kept item still finds its request', async (t) => {
  let url = ''
  const gateway = await startGateway({
    configure: (config) => {
      url = (config.store as { url: string }).url
      return config
    },
  })
  t.after(() => gateway.close())
  const model = await firstModel(gateway)
  const answer = (await (await gateway.post({ model, input: 'hello', store: true })).json()) as {
    id: string
    output: { id: string }[]
  }
  const kept = await gateway.admin<AdminRequest>(`/admin/requests/${answer.id}`)
  assert.deepEqual([kept.bodies_absent, kept.client_request?.body.absent], [null, null])
  // As retention leaves it.
  const database = new Database(url.replace('sqlite:', ''))
  database.exec('DELETE FROM blocks; DELETE FROM request_ids')
  database.close()
  const item = answer.output.at(-1)?.id ?? ''
  const found = await gateway.admin<AdminRequest>(`/admin/requests/${item}`)
  assert.deepEqual([found.id, found.matched_by], [kept.id, 'stored_item'])
  assert.deepEqual([found.bodies_absent, found.client_request], ['expired', null])
})

test('bodies that are not kept are said not to be', async (t) => {
  const gateway = await startGateway({
    configure: (config) => ({ ...config, log: { bodies: 'metadata' } }),
  })
  t.after(() => gateway.close())
  await (await gateway.post({ model: await firstModel(gateway), input: 'hello' })).text()
  const list = await gateway.admin<AdminRequestList>('/admin/requests')
  const { bodies_absent, client_request } = await gateway.admin<AdminRequest>(
    `/admin/requests/${list.data[0]?.id}`,
  )
  assert.equal(bodies_absent, 'not_kept')
  assert.deepEqual([client_request?.body.text, client_request?.body.absent], [null, 'not_kept'])
  assert.ok((client_request?.body.bytes ?? 0) > 0)
})

test('a cost is explained line by line, and adds up to the nano-dollar', async (t) => {
  const gateway = await startGateway({
    configure: (config) => ({
      ...config,
      prices: Object.fromEntries(
        Object.keys(config.providers as object).map((provider) => [
          provider,
          { '*': [{ input: '0.3', output: '1.234567891' }] },
        ]),
      ),
    }),
  })
  t.after(() => gateway.close())
  await (await gateway.post({ model: await firstModel(gateway), input: 'hello' })).text()
  const list = await gateway.admin<AdminRequestList>('/admin/requests')
  const row = await gateway.admin<AdminRequest>(`/admin/requests/${list.data[0]?.id}`)
  const nanos = (dollars: string | null | undefined) => BigInt((dollars ?? '').replace('.', ''))
  assert.match(row.cost_usd ?? '', /^\d+\.\d{9}$/)
  assert.equal(row.cost?.cost_usd, row.cost_usd)
  const parts = row.cost?.attempts.flatMap((attempt) => attempt.parts) ?? []
  assert.ok(parts.length >= 2)
  assert.equal(
    parts.reduce((sum, part) => sum + nanos(part.amount_usd), 0n),
    nanos(row.cost_usd),
  )
  for (const { quantity, rate_usd, amount_usd } of parts) {
    const exact = BigInt(quantity) * nanos(rate_usd)
    assert.equal((exact + 500_000n) / 1_000_000n, nanos(amount_usd))
  }
})
