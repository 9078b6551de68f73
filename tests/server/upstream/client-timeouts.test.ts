import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { patient, sendCall, socketClosed, withServer } from './raw-server.ts'

const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const chunkedHead = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'

describe('time-outs', () => {
  it('ends a call that gets no connection', () =>
    withServer(
      () => {},
      async ({ server, client }) => {
        const first = sendCall(client, server.url, { maxConnections: 1 })
        const waiting = sendCall(client, server.url, {
          maxConnections: 1,
          timeouts: { ...patient, connect: 20_000 },
        })
        const timeouts = { ...patient, connect: 2000 }
        const holder = sendCall(client, server.url, { maxConnections: 1, timeouts })
        while (server.requests.length < 2) await delay(5)
        const { error, calls } = await sendCall(client, server.url, { maxConnections: 1, timeouts }).done
        assert.deepEqual(calls, ['error'])
        assert.equal(error?.kind, 'connect_timeout')
        assert.equal(error?.code, 'upstream_timeout')
        assert.equal(error?.status, 504)
        assert.equal(error?.sent, false)
        for (const call of [first, waiting, holder]) call.control.abort()
      },
    ))

  it('ends a call whose answer does not begin, and closes the socket', () =>
    withServer(
      () => {},
      async ({ server, client }) => {
        const { error } = await sendCall(client, server.url, { timeouts: { ...patient, firstByte: 40 } }).done
        assert.equal(error?.kind, 'first_byte_timeout')
        assert.equal(error?.sent, true)
        await socketClosed(server)
      },
    ))

  it('ends a call whose headers drip', () =>
    withServer(
      async (socket) => {
        for (const byte of 'HTTP/1.1 200 OK\r\nx: yyyyyyyyyyyyyyyyyyyyyyyy') {
          socket.write(byte)
          await delay(5)
        }
      },
      async ({ server, client }) => {
        const { error } = await sendCall(client, server.url, { timeouts: { ...patient, firstByte: 60 } }).done
        assert.equal(error?.kind, 'first_byte_timeout')
      },
    ))

  it('ends a stream that stops', () =>
    withServer(
      (socket) => socket.write(chunkedHead + chunk('data: 1\n\n')),
      async ({ server, client }) => {
        const { error, calls } = await sendCall(client, server.url, { timeouts: { ...patient, idle: 40 } })
          .done
        assert.deepEqual(calls, ['head', 'data', 'error'])
        assert.equal(error?.kind, 'idle_timeout')
        await socketClosed(server)
      },
    ))

  it('lets a stream go on that keeps moving, until its total time', () =>
    withServer(
      (socket) => {
        socket.write(chunkedHead)
        const timer = setInterval(() => socket.write(chunk('x')), 10)
        socket.on('close', () => clearInterval(timer))
      },
      async ({ server, client }) => {
        const { error, body } = await sendCall(client, server.url, {
          timeouts: { ...patient, idle: 2000, total: 5000 },
        }).done
        assert.equal(error?.kind, 'total_timeout')
        assert.ok(body.length > 3)
      },
    ))

  it('does not count the time that the reader is paused', () =>
    withServer(
      (socket) => {
        socket.write(chunkedHead + chunk('1'))
        setTimeout(() => socket.write(`${chunk('2')}0\r\n\r\n`), 30)
      },
      async ({ server, client }) => {
        const sending = sendCall(
          client,
          server.url,
          { timeouts: { ...patient, idle: 1500 } },
          (_data, { body }) => {
            if (body === '1') sending.control.pause()
          },
        )
        while (sending.outcome.body === '') await delay(5)
        await delay(2000)
        assert.equal(sending.outcome.error, null)
        assert.equal(sending.outcome.body, '1')
        sending.control.resume()
        const { calls, body } = await sending.done
        assert.deepEqual(calls, ['head', 'data', 'end'])
        assert.equal(body, '12')
      },
    ))

  it('blames no provider for a reader that takes nothing until the total time is over', () =>
    withServer(
      (socket) => socket.write(chunkedHead + chunk('1')),
      async ({ server, client }) => {
        const timeouts = { ...patient, total: 2000 }
        const sending = sendCall(client, server.url, { timeouts }, () => sending.control.pause())
        const { error } = await sending.done
        assert.deepEqual(
          [error?.kind, error?.code, error?.origin],
          ['unread_timeout', 'answer_unread', 'client'],
        )
      },
    ))

  it('counts again once the reader goes on', () =>
    withServer(
      (socket) => socket.write(chunkedHead + chunk('1')),
      async ({ server, client }) => {
        const sending = sendCall(client, server.url, { timeouts: { ...patient, idle: 40 } }, () => {
          sending.control.pause()
        })
        while (sending.outcome.body === '') await delay(5)
        await delay(120)
        assert.equal(sending.outcome.error, null)
        sending.control.resume()
        assert.equal((await sending.done).error?.kind, 'idle_timeout')
      },
    ))
})
