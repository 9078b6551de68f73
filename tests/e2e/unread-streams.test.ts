/** A client that opens a stream and does not read it: it costs its own request, and no provider its good name. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { AdminRequestList } from '../../server/http/admin/contract.ts'
import { startGateway } from '../support/start-gateway.ts'

test('who does not read a stream until the total time is over is named as its cause', async (t) => {
  const gateway = await startGateway({
    configure: (config) => {
      const providers = config.providers as Record<string, object>
      return {
        ...config,
        providers: { ...providers, sudo: { ...providers.sudo, timeouts: { total: 4000 } } },
      }
    },
  })
  t.after(() => gateway.close())
  const client = connect(Number(new URL(gateway.origin).port), '127.0.0.1')
  t.after(() => client.destroy())
  client.on('error', () => undefined)
  // More than the kernel holds for both sides.
  const body = JSON.stringify({ model: 'gpt-4o', stream: true, input: '/long 90000' })
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
  assert.match(metrics, /^dragoman_attempts_total\{provider="sudo",error_code="answer_unread"\} 1$/m)
})
