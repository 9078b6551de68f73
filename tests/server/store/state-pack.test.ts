import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { joinParts, pack, unpack, unpackText } from '../../../server/store/state/pack.ts'

const noise = (bytes: number) => randomBytes(bytes).toString('latin1')

test('texts of every size come back as they were', () => {
  const texts = [
    '',
    '[]',
    'ü😀',
    'x'.repeat(4096),
    'x'.repeat(4097),
    'ü😀'.repeat(20_000),
    noise(70_000),
    noise(5000),
  ]
  for (const text of texts) {
    const { blob, bytes } = pack(text)
    assert.equal(bytes, Buffer.byteLength(text))
    assert.equal(unpackText(blob), text)
    assert.ok(blob.length <= bytes + 1, `${bytes} bytes became ${blob.length}`)
  }
  assert.ok(pack('a text '.repeat(1000)).blob.length < 200)
  assert.ok(pack('a text '.repeat(100_000)).blob.length < 2000)
})

test('parts are put together in order, in memory of their own', () => {
  const joined = joinParts(['[', unpack(pack('"ü"').blob), ',', Buffer.from('1'), ']'])
  assert.deepEqual(JSON.parse(Buffer.from(joined).toString()), ['ü', 1])
  assert.equal(joined.byteLength, 8)
})

test('what is no packed text is refused', () => {
  for (const value of [undefined, null, 'text', 1]) assert.throws(() => unpack(value), /missing/)
  assert.throws(() => unpack(Uint8Array.of(9, 1)), /packed in the way 9/)
})
