/** Ids and codes longer than any index takes: they cost no row of the record, and no kept response. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { AdminRequest, AdminRequestList } from '../../server/http/admin/contract.ts'
import { createDatabase } from '../support/postgres.ts'
import { startRawGateway } from '../support/raw-provider.ts'

/** Nothing that could be compressed. */
const long = randomBytes(15_000).toString('hex')

async function start(t: Parameters<typeof createDatabase>[0], engine: string) {
  const config = engine === 'postgres' ? { store: { url: await createDatabase(t) } } : {}
  const gateway = await startRawGateway({ config })
  t.after(() => gateway.close())
  return gateway
}

function answerJson(status: string, body: unknown): string {
  const text = JSON.stringify(body)
  return `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
}

for (const engine of ['sqlite', 'postgres']) {
  test(`${engine}: a client's long ids are refused by name, and the requests are recorded`, async (t) => {
    const gateway = await start(t, engine)
    const input = 'hello'
    const refused = {
      previous_response_id: { input, previous_response_id: long },
      conversation: { input, conversation: long },
      'conversation.id': { input, conversation: { id: long } },
      'input[0].id': { input: [{ type: 'item_reference', id: long }] },
      'input[1].id': {
        input: [
          { role: 'user', content: 'a' },
          { id: long, role: 'user', content: 'b' },
        ],
      },
    }
    for (const [param, body] of Object.entries(refused)) {
      const response = await gateway.post({ model: 'raw/model', ...body })
      const { error } = (await response.json()) as { error: { param: string; message: string } }
      assert.deepEqual([response.status, error.param], [400, param])
      assert.match(error.message, /512 characters/)
    }
    const { data } = await gateway.admin<AdminRequestList>('/admin/requests')
    assert.equal(data.length, Object.keys(refused).length)
  })

  test(`${engine}: a provider's long ids and codes are cut in the record`, async (t) => {
    const gateway = await start(t, engine)
    gateway.script((socket, count) =>
      socket.end(
        count === 1
          ? answerJson('400 Bad Request', { error: { message: 'No.', type: 'x', code: long, param: long } })
          : answerJson('200 OK', {
              id: `resp_${long}`,
              object: 'response',
              status: 'completed',
              model: long,
              output: [
                {
                  type: 'message',
                  id: `msg_${long}`,
                  role: 'assistant',
                  status: 'completed',
                  content: [{ type: 'output_text', text: 'hi', annotations: [] }],
                },
              ],
            }),
      ),
    )
    await (await gateway.post({ model: 'raw/model', input: 'a' })).text()
    const answered = await gateway.post({ model: 'raw/model', input: 'b' })
    assert.equal(answered.status, 200)
    const { id } = (await answered.json()) as { id: string }
    const { data } = await gateway.admin<AdminRequestList>('/admin/requests')
    assert.equal(data.length, 2)
    const { error } = data.find(({ status }) => status === 'failed') ?? {}
    assert.ok((error?.code.length ?? 0) <= 512 && (error?.param?.length ?? 0) <= 512)
    const whole = await gateway.admin<AdminRequest>(`/admin/requests/${id}`)
    assert.match(whole.client_response?.body.text ?? '', /"hi"/)
    assert.equal((await fetch(`${gateway.origin}/v1/responses/${id}`)).status, 200)
  })
}
