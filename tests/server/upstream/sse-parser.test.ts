import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { GatewayError } from '../../../server/errors.ts'
import { createSseParser } from '../../../server/upstream/sse-parser.ts'
import type { WireEvent } from '../../../translators/shared/translator.ts'

function parseChunks(chunks: Uint8Array[], maxEventBytes?: number): WireEvent[] {
  const events: WireEvent[] = []
  const parser = createSseParser({ onEvent: (event) => events.push(event), maxEventBytes })
  for (const chunk of chunks) parser.push(chunk)
  parser.end()
  return events
}

const parseText = (text: string): WireEvent[] => parseChunks([Buffer.from(text)])
const data = (text: string): WireEvent => ({ event: '', data: text })

function cutAt(bytes: Uint8Array, cuts: number[]): Uint8Array[] {
  const sorted = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  const edges = [0, ...sorted, bytes.length]
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge))
}

describe('the SSE parser', () => {
  const cases: [string, string, WireEvent[]][] = [
    ['a named event', 'event: a\ndata: {"x":1}\n\n', [{ event: 'a', data: '{"x":1}' }]],
    ['an event without a name', 'data: [DONE]\n\n', [data('[DONE]')]],
    ['CRLF', 'event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n', [{ event: 'a', data: '1' }, data('2')]],
    ['CR alone', 'data: 1\r\rdata: 2\r\r', [data('1'), data('2')]],
    ['mixed line ends', 'data: 1\r\n\ndata: 2\n\r\ndata: 3\r\r\n', [data('1'), data('2'), data('3')]],
    ['a byte order mark', '\uFEFFdata: 1\n\n', [data('1')]],
    ['a byte order mark in the middle is text', 'data: \uFEFFx\n\n', [data('\uFEFFx')]],
    ['several data lines', 'data: a\ndata:\ndata:  b\n\n', [data('a\n\n b')]],
    ['no space after the colon', 'data:x\n\n', [data('x')]],
    ['only one space is taken', 'data:  x\n\n', [data(' x')]],
    ['comments', ': ping\n\n:\ndata: x\n: between\ndata: y\n\n: end\n\n', [data('x\ny')]],
    ['id, retry and unknown fields', 'id: 7\nretry: 10\nfoo: bar\ndata: x\n\n', [data('x')]],
    ['a field without a colon', 'data\n\n', [data('')]],
    ['a field without a colon before one with', 'data\ndata: x\n\n', [data('\nx')]],
    ['an event without data is none, and its name is forgotten', 'event: a\n\ndata: x\n\n', [data('x')]],
    ['the last of several names', 'event: a\nevent: b\ndata: x\n\n', [{ event: 'b', data: 'x' }]],
    ['names are case-sensitive', 'Data: x\nDATA: y\ndata: z\n\n', [data('z')]],
    ['a last event without a blank line', 'data: 1\n\ndata: 2\n', [data('1'), data('2')]],
    ['a last event without any line end', 'data: 1\n\ndata: [DONE]', [data('1'), data('[DONE]')]],
    ['a colon inside the value', 'data: {"a": "b: c"}\n\n', [data('{"a": "b: c"}')]],
    ['nothing', '', []],
    ['only blank lines', '\n\n\r\n\r\n', []],
    ['text outside of ASCII', 'data: grüße 🦎 語\n\n', [data('grüße 🦎 語')]],
  ]
  for (const [name, text, expected] of cases) {
    it(`reads ${name}`, () => {
      assert.deepEqual(parseText(text), expected)
    })
    it(`reads ${name}, byte by byte`, () => {
      const bytes = Buffer.from(text)
      assert.deepEqual(parseChunks([...bytes].map((byte) => Uint8Array.of(byte))), expected)
    })
  }

  it('dispatches an event as soon as its blank line is there, whatever follows', () => {
    const events: WireEvent[] = []
    const parser = createSseParser({ onEvent: (event) => events.push(event) })
    parser.push(Buffer.from('data: 1\r\n\r'))
    assert.deepEqual(events, [data('1')])
    parser.push(Buffer.from('\ndata: 2\n\ndata: 3'))
    assert.deepEqual(events, [data('1'), data('2')])
  })

  it('gives the same events for any chunking', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'data: ',
        'data:',
        'event: ',
        ': ',
        'id: 1',
        '\n',
        '\r',
        '\r\n',
        '\n\n',
        '\r\n\r\n',
        '\uFEFF',
      ),
      fc.constantFrom('{"delta":"héllo 🦎"}', '[DONE]', 'a', ' ', ':'),
      fc.string({ unit: 'binary', maxLength: 8 }),
    )
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 60 }),
        fc.array(fc.nat(2000), { maxLength: 40 }),
        (pieces, cuts) => {
          const bytes = Buffer.from(pieces.join(''))
          assert.deepEqual(parseChunks(cutAt(bytes, cuts)), parseChunks([bytes]))
        },
      ),
      { numRuns: 400 },
    )
  })

  it('gives the same events for any chunking of bytes that are not UTF-8', () => {
    const bytes = fc.uint8Array({ maxLength: 80 }).map((tail) => Buffer.concat([Buffer.from('data: '), tail]))
    fc.assert(
      fc.property(bytes, fc.array(fc.nat(200), { maxLength: 20 }), (input, cuts) => {
        assert.deepEqual(parseChunks(cutAt(input, cuts)), parseChunks([input]))
      }),
      { numRuns: 300 },
    )
  })

  it('joins a large event from many chunks', () => {
    const body = 'x'.repeat(4 * 1024 * 1024)
    const bytes = Buffer.from(`data: ${body}\n\n`)
    const chunks: Uint8Array[] = []
    for (let at = 0; at < bytes.length; at += 1000) chunks.push(bytes.subarray(at, at + 1000))
    const events = parseChunks(chunks)
    assert.equal(events.length, 1)
    assert.equal(events[0]?.data.length, body.length)
  })

  for (const [name, chunks] of [
    ['in one unfinished line', ['data: ', 'x'.repeat(80), 'x'.repeat(80)]],
    ['in many lines', Array.from({ length: 20 }, () => 'data: 12345678\n')],
    ['in one chunk', [`data: ${'x'.repeat(200)}\n\n`]],
    ['in a comment that never ends', [`:${'x'.repeat(200)}`]],
  ] as [string, string[]][]) {
    it(`refuses an event that is too long, ${name}`, () => {
      assert.throws(
        () =>
          parseChunks(
            chunks.map((chunk) => Buffer.from(chunk)),
            100,
          ),
        (error) =>
          error instanceof GatewayError &&
          error.code === 'upstream_invalid_response' &&
          /100 bytes/.test(error.message),
      )
    })
  }

  it('keeps going when comments alone exceed the bound', () => {
    const text = `${`: ${'p'.repeat(50)}\n\n`.repeat(20)}data: x\n\n`
    assert.deepEqual(parseChunks([Buffer.from(text)], 100), [data('x')])
  })

  const recordings = join(import.meta.dirname, '../../../../shared/recordings')
  it('loses nothing of the recorded streams', (t) => {
    if (!existsSync(recordings)) return t.skip('the recordings are not on this machine')
    for (const file of readdirSync(recordings).filter((name) => name.endsWith('.chunks.txt'))) {
      const lines = readFileSync(join(recordings, file), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
      const wire = Buffer.from(lines.map((line) => `data: ${line}\n\n`).join(''))
      const cuts = Array.from({ length: 50 }, (_, index) => index * 977 + 13)
      assert.deepEqual(
        parseChunks(cutAt(wire, cuts)).map((event) => event.data),
        lines,
        file,
      )
    }
  })
})
