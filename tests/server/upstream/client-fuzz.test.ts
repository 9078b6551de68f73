import assert from 'node:assert/strict'
import { it } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { patient, sendCall, withServer } from './raw-server.ts'

const answers = [
  'HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello world',
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\nabc\r\n0\r\n\r\n',
  'HTTP/1.0 500 No\r\n\r\nsorry',
  'HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 204 None\r\n\r\n',
].map((text) => Buffer.from(text))
const zipped = gzipSync('hello')
answers.push(
  Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${zipped.length}\r\n\r\n`),
    zipped,
  ]),
)

const step = fc.record({
  answer: fc.nat(answers.length - 1),
  cut: fc.option(fc.nat(120), { nil: null }),
  garbage: fc.option(fc.record({ at: fc.nat(100), byte: fc.nat(255) }), { nil: null, freq: 3 }),
  closing: fc.constantFrom('end', 'destroy', 'resetAndDestroy', 'keep' as const),
  pauses: fc.boolean(),
})

it('ends every call exactly once, whatever the provider does', () => {
  let plan: typeof step extends fc.Arbitrary<infer T> ? T : never
  return withServer(
    (socket) => {
      const bytes = Buffer.from(answers[plan.answer]!)
      if (plan.garbage !== null && plan.garbage.at < bytes.length) bytes[plan.garbage.at] = plan.garbage.byte
      const { closing } = plan
      socket.write(bytes.subarray(0, plan.cut ?? bytes.length), () => {
        if (closing !== 'keep') socket[closing]()
      })
    },
    async ({ server, client }) => {
      await fc.assert(
        fc.asyncProperty(step, async (next) => {
          plan = next
          const timeouts = { ...patient, firstByte: 60, idle: 60 }
          const sending = sendCall(client, server.url, { timeouts }, () => {
            if (!next.pauses) return
            sending.control.pause()
            setImmediate(() => sending.control.resume())
          })
          const { calls } = await sending.done
          const ends = calls.filter((call) => call === 'end' || call === 'error')
          assert.equal(ends.length, 1, calls.join())
          assert.equal(calls.at(-1), ends[0])
          assert.ok(calls.filter((call) => call === 'head').length <= 1, calls.join())
          assert.ok(calls[0] === 'head' || calls.length === 1, calls.join())
        }),
        { numRuns: 150 },
      )
    },
  )
})
