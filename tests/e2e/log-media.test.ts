import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import Database from 'better-sqlite3'
import type { AdminRequest, AdminRequestList } from '../../server/http/admin/contract.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

const png = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
const picture = Buffer.concat([png, randomBytes(3_000_000)])
const hash = createHash('sha256').update(picture).digest('hex')
const reference = `dragoman-media:sha256:${hash};type=image/png;bytes=${picture.length}`

function ask(text: string, url: string) {
  return {
    model: 'gpt-5-mini',
    input: [
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'input_text', text },
          { type: 'input_image', detail: 'auto', image_url: url },
        ],
      },
    ],
  }
}

describe('media of bodies', () => {
  let gateway: TestGateway
  let rows: AdminRequest[]

  before(async () => {
    gateway = await startGateway({})
    const url = `data:image/png;base64,${picture.toString('base64')}`
    for (const text of ['What is on it?', 'And now?']) {
      const answer = await gateway.post({ ...ask(text, url), stream: text === 'And now?' })
      assert.equal(answer.status, 200, await answer.text())
    }
    const list = await gateway.admin<AdminRequestList>('/admin/requests')
    rows = await Promise.all(list.data.map(({ id }) => gateway.admin<AdminRequest>(`/admin/requests/${id}`)))
  })
  after(() => gateway.close())

  it('stand in the bodies of both sides as a reference', () => {
    assert.equal(rows.length, 2)
    for (const row of rows) {
      const { body } = row.client_request ?? assert.fail()
      assert.equal(body.truncated, false)
      assert.ok(body.bytes > 4_000_000)
      const sent = JSON.parse(body.text ?? '') as ReturnType<typeof ask>
      assert.equal(sent.input[0]?.content[1]?.image_url, reference)
      assert.ok(row.upstream_request?.body.text?.includes(reference))
      assert.equal(row.upstream_request?.body.truncated, false)
    }
  })
  it('are stored once', async () => {
    const database = new Database(gateway.storePath, { readonly: true })
    try {
      assert.deepEqual(database.prepare('SELECT hash, media_type, bytes FROM media').all(), [
        { hash, media_type: 'image/png', bytes: picture.length },
      ])
      const [stored] = database.prepare('SELECT content FROM media_contents').all() as { content: Buffer }[]
      assert.ok(stored?.content.equals(picture))
      const [blocks] = database.prepare('SELECT sum(length(content)) AS bytes FROM blocks').all()
      assert.ok((blocks as { bytes: number }).bytes < 50_000)
    } finally {
      database.close()
    }
  })

  it('are answered as what they are, and nothing of them runs', async () => {
    const answer = await fetch(`${gateway.origin}/admin/media/${hash}`)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('content-type'), 'image/png')
    assert.equal(answer.headers.get('content-disposition'), 'inline')
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
    assert.match(answer.headers.get('content-security-policy') ?? '', /sandbox/)
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(picture))
    const none = await fetch(`${gateway.origin}/admin/media/${'0'.repeat(64)}`)
    assert.equal(none.status, 404)
    const wrong = await fetch(`${gateway.origin}/admin/media/..%2f..%2fetc`)
    assert.equal(wrong.status, 400)
  })
})
