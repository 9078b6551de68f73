import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { MediaStore, mediaTouchInterval } from '../../../../server/store/log/media-store.ts'
import type { RecordFilter } from '../../../../server/store/log/records.ts'
import { createRecordFilter } from '../../../../server/telemetry/redact.ts'

const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), randomBytes(6000)])
const encoded = png.toString('base64')
const filter = createRecordFilter({ secrets: ['provider-secret-1234'] })

interface Stored {
  hash: string
  mediaType: string
  content: Buffer
}

class Taker {
  readonly store = new MediaStore()

  constructor() {
    this.store.begin(1_000_000)
  }

  take(
    text: string,
    { truncated = false, secrets = [] as string[], by = filter as RecordFilter } = {},
  ): string {
    return this.store.take(Buffer.from(text), { truncated, secrets, filter: by }).toString()
  }

  /** What the batch writes. */
  stored(): Stored[] {
    const statements = this.store.statements()
    return statements.flatMap(({ params: [hash, mediaType] }, index) =>
      index % 2 === 1
        ? []
        : [
            {
              hash: String(hash),
              mediaType: String(mediaType),
              content: statements[index + 1]?.params[1] as Buffer,
            },
          ],
    )
  }
}

const reference = /^dragoman-media:sha256:([0-9a-f]{64});type=([^;]+);bytes=(\d+)$/

describe('media in a body', () => {
  it('is taken out of data URLs and of members that hold base64, and the body stays JSON', () => {
    const taker = new Taker()
    const body = {
      text: 'héllo 😀',
      url: `data:image/png;base64,${encoded}`,
      named: `data:audio/x-odd;rate=8000;base64,${randomBytes(4000).toString('base64')}`,
      part: { file_data: encoded, format: 'png' },
      output: [{ type: 'image_generation_call', result: encoded }],
      arguments: JSON.stringify({ data: encoded, nested: 'yes' }),
      after: 'end',
    }
    const kept = JSON.parse(taker.take(JSON.stringify(body))) as typeof body
    assert.match(kept.url, reference)
    assert.equal(kept.part.file_data, kept.url)
    assert.equal(kept.output[0]?.result, kept.url)
    assert.deepEqual(JSON.parse(kept.arguments), { data: kept.url, nested: 'yes' })
    assert.match(kept.named, /;type=audio\/x-odd;bytes=4000$/)
    assert.deepEqual([kept.text, kept.after, kept.part.format], [body.text, 'end', 'png'])
    const stored = taker.stored()
    assert.equal(stored.length, 2)
    assert.ok(stored.some(({ content, mediaType }) => content.equals(png) && mediaType === 'image/png'))
  })

  it('is the same with escaped slashes, in events, and within a text', () => {
    const taker = new Taker()
    const plain = taker.take(`{"a":"data:image/png;base64,${encoded}"}`)
    const escaped = `{"a":"data:image\\/png;base64,${encoded.replaceAll('/', '\\/')}"}`
    assert.equal(taker.take(escaped), plain)
    const event = `event: x\ndata: {"result":"${encoded}"}\n\ndata: [DONE]\n\n`
    assert.equal(taker.take(event).length, event.length - encoded.length + plain.length - '{"a":""}'.length)
    assert.match(
      taker.take(`{"a":"![](data:image/png;base64,${encoded}) and more"}`),
      /\(dragoman-media:[^)]*\) and/,
    )
    assert.equal(taker.stored().length, 1)
  })

  it('stays where it is no medium, or too small to be one', () => {
    const taker = new Taker()
    const texts = [
      `{"input":"${'x'.repeat(10_000)}"}`,
      `{"encrypted_content":"${encoded}"}`,
      `{"result":"${encoded.slice(0, 4000)}"}`,
      `{"result":"${encoded} and words"}`,
      // No encoder writes these.
      `{"result":"${'A'.repeat(5001)}"}`,
      `{"result":"${'A'.repeat(5001)}B=="}`,
      `{"result":"${'A'.repeat(2500)}==${'A'.repeat(2500)}"}`,
      encoded,
      '',
    ]
    for (const text of texts) assert.equal(taker.take(text), text)
    assert.equal(taker.stored().length, 0)
  })

  it('is whole or left alone, wherever the body is cut', () => {
    const body = `{"a":"é","u":"data:image/png;base64,${encoded}","b":1}`
    const end = body.indexOf(encoded) + encoded.length
    for (let cut = 0; cut <= body.length; cut += cut > 40 && cut < end - 8 ? 997 : 1) {
      const text = body.slice(0, cut)
      const taker = new Taker()
      const kept = taker.take(text, { truncated: true })
      assert.equal(kept === text, cut <= end, `cut at ${cut}`)
      for (const { content } of taker.stored()) assert.ok(content.equals(png))
    }
  })

  it('never hides a secret from the filter', () => {
    const secret = 'client-secret-5678'
    const text = `name,key\n${'a row of words\n'.repeat(400)}me,${secret},provider-secret-1234\n`
    const taker = new Taker()
    const url = `data:text/csv;base64,${Buffer.from(text).toString('base64')}`
    const kept = taker.take(JSON.stringify({ file_data: url }), { secrets: [secret] })
    const [stored] = taker.stored()
    assert.equal(
      stored?.content.toString(),
      text.replace(secret, '[redacted]').replace('provider-secret-1234', '[redacted]'),
    )
    assert.equal(stored.mediaType, 'text/csv')
    assert.match(kept, new RegExp(`sha256:${stored.hash};type=text/csv;bytes=${stored.content.length}`))
  })
})

describe('what was stored', () => {
  const body = `{"u":"data:image/png;base64,${encoded}"}`
  const options = { truncated: false, secrets: [], filter }

  it('is not written again for a while, when it is committed', () => {
    const store = new MediaStore()
    const written = (now: number) => {
      store.begin(now)
      store.take(Buffer.from(body), options)
      return store.statements().length
    }
    assert.equal(written(0), 2)
    assert.equal(written(1), 2, 'the first batch was lost')
    store.committed()
    assert.equal(written(mediaTouchInterval), 0)
    assert.equal(written(mediaTouchInterval + 2), 2)
  })

  it('takes the media of a batch in the order of their hashes', () => {
    const taker = new Taker()
    for (let made = 0; made < 20; made += 1) taker.take(`{"data":"${randomBytes(3600).toString('base64')}"}`)
    const hashes = taker.stored().map(({ hash }) => hash)
    assert.equal(hashes.length, 20)
    assert.deepEqual(hashes, hashes.toSorted())
  })
})
