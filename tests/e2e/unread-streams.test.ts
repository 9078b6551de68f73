/** A client that opens a stream and does not read it: it costs its own request, and no provider its good name. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { AdminRequestList } from '../../server/http/admin/contract.ts'
import { delta, openAnswer, opening, patientTimeouts, startRawGateway } from '../support/raw-provider.ts'

test('who does not read a stream until the total time is over is named as its cause', async (t) => {
  const gateway = await startRawGateway({ provider: { timeouts: { ...patientTimeouts, total: 6000 } } })
  t.after(() => gateway.close())
  // As fast as it can and without end: what the kernel holds for both sides is full long before the time is over.
  const piece = delta('x'.repeat(64 * 1024))
  gateway.script((socket) => {
    openAnswer(socket)
    socket.write(opening)
    const more = () => {
      while (!socket.destroyed && socket.write(piece));
    }
    socket.on('drain', more)
    more()
  })
  const client = connect(Number(new URL(gateway.origin).port), '127.0.0.1')
  t.after(() => client.destroy())
  client.on('error', () => undefined)
  const body = JSON.stringify({ model: 'raw/model', stream: true, input: 'hi' })
  client.write(
    `POST /v1/responses HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  client.pause()
  const read = async () => (await gateway.admin<AdminRequestList>('/admin/requests?status=failed')).data[0]
  let row = await read()
  for (let tries = 0; row === undefined && tries < 600; tries += 1) {
    await pause(100)
    row = await read()
  }
  assert.deepEqual([row?.error?.code, row?.error?.origin], ['answer_unread', 'client'])
  const metrics = await (await fetch(`${gateway.origin}/metrics`)).text()
  assert.match(metrics, /^dragoman_errors_total\{origin="client",code="answer_unread"\} 1$/m)
  assert.match(metrics, /^dragoman_attempts_total\{provider="raw1",error_code="answer_unread"\} 1$/m)
})
