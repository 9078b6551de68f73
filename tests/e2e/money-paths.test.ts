/** Every way by which a request comes and goes has a cost, and it is that of its provider calls, each once. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { AdminRequest } from '../../server/http/admin/contract.ts'
import { translators } from '../../translators/index.ts'
import { openSocket } from '../support/socket-client.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

/** One dollar per million tokens, so that a token costs 1000 nano-dollars. */
const everything = { '*': [{ input: 1, output: 1 }] }
const models = [
  'deepseek-ai/DeepSeek-V3.2',
  'openai/gpt-oss-120b',
  'gpt-4o',
  'gpt-5.2',
  'gpt-5-mini',
  'balanced',
  'openai/gpt-oss-20b',
]

let gateway: TestGateway
before(async () => {
  gateway = await startGateway({
    configure: (config) => ({
      ...config,
      prices: Object.fromEntries(Object.keys(translators).map((variant) => [variant, everything])),
    }),
  })
})
after(() => gateway.close())

let made = 0

async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const id = `path-${++made}`
  const answer = await fetch(`${gateway.origin}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': id, ...headers },
    body: JSON.stringify(body),
  })
  return { id, answer, text: await answer.text() }
}

/** The request once it is over. */
async function rowOf(id: string): Promise<AdminRequest> {
  for (;;) {
    const row = await gateway.admin<AdminRequest>(`/admin/requests/${id}`)
    if (row.status !== 'in_progress' && row.status !== 'queued') return row
    await pause(20)
  }
}

function assertPriced(row: AdminRequest, calls: number): void {
  assert.equal(row.cost_reason, null)
  const attempts = row.cost?.attempts ?? []
  assert.equal(attempts.length, calls)
  const tokens = attempts.flatMap(({ parts }) => parts).reduce((sum, { quantity }) => sum + quantity, 0)
  assert.ok(tokens > 0)
  assert.equal(row.cost_usd, `0.${String(tokens * 1000).padStart(9, '0')}`)
}

describe('a response', () => {
  for (const model of models)
    it(`of ${model}, as JSON, as a stream, and in the background`, async () => {
      for (const extra of [{}, { stream: true }, { background: true }]) {
        const { answer, text, id } = await post('/v1/responses', { model, input: '/count 3', ...extra })
        assert.equal(answer.status, 200, text)
        const name = 'background' in extra ? (JSON.parse(text) as { id: string }).id : id
        const row = await rowOf(name)
        assert.equal(row.status, 'completed')
        assertPriced(row, 1)
        assert.equal(row.cost_usd, `0.${String(Number(row.total_tokens) * 1000).padStart(9, '0')}`)
      }
    })

  it('over a WebSocket', async () => {
    const client = await openSocket(gateway.origin)
    const { id } = await client.ask({ model: 'gpt-5-mini', input: '/count 3' })
    await client.close()
    assertPriced(await rowOf(id), 1)
  })

  it('that is given again for its idempotency key costs nothing more', async () => {
    const headers = { 'idempotency-key': 'money' }
    const body = { model: 'gpt-5-mini', input: '/count 3' }
    assertPriced(await rowOf((await post('/v1/responses', body, headers)).id), 1)
    const again = await post('/v1/responses', body, headers)
    assert.equal(again.answer.status, 200)
    const row = await rowOf(again.id)
    assert.deepEqual([row.cost_usd, row.cost], ['0.000000000', null])
  })
})

describe('what the gateway asks on its own account', () => {
  it('a compaction costs what its call cost, by the provider or by a summary', async () => {
    for (const model of ['gpt-5-mini', 'deepseek-ai/DeepSeek-V3.2']) {
      const { id, answer, text } = await post('/v1/responses/compact', { model, input: 'one two three' })
      assert.equal(answer.status, 200, text)
      assertPriced(await rowOf(id), 1)
    }
  })

  it('counting tokens costs nothing', async () => {
    for (const model of ['gpt-5-mini', 'deepseek-ai/DeepSeek-V3.2']) {
      const { id } = await post('/v1/responses/input_tokens', { model, input: 'one two three' })
      const row = await rowOf(id)
      assert.deepEqual([row.cost_usd, row.cost_reason], ['0.000000000', null])
    }
  })
})
