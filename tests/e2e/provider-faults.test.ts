/** Providers that fail in every way that sockets allow: the client gets one clear error or a legal stream. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { AdminRequest } from '../../server/http/admin/contract.ts'
import type { CanonicalEvent } from '../../translators/shared/canonical.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import {
  completed,
  delta,
  openAnswer,
  opening,
  patientTimeouts,
  type RawGateway,
  readStream,
  respond,
  response,
  type Script,
  silenceTimeouts,
  startRawGateway,
  wholeStream,
} from '../support/raw-provider.ts'

interface Told {
  status: number
  code: string | null
  message: string
}
/** Asks as JSON; the error, or the answer's text as `message` under the code null. */
async function askJson(gateway: RawGateway): Promise<Told> {
  const answer = await gateway.post({ model: 'raw/model', input: 'hi' })
  const body = (await answer.json()) as { error?: { code: string; message: string }; output_text?: string }
  return answer.status === 200
    ? { status: 200, code: null, message: body.output_text ?? '' }
    : { status: answer.status, code: body.error?.code ?? '', message: body.error?.message ?? '' }
}
/** Asks for a stream, which has to be legal when there is one. */
async function askStream(gateway: RawGateway): Promise<Told & { opened: boolean }> {
  const answer = await gateway.post({ model: 'raw/model', input: 'hi', stream: true })
  if (answer.status !== 200) {
    const { error } = (await answer.json()) as { error: { code: string; message: string } }
    return { status: answer.status, ...error, opened: false }
  }
  const { events, done } = readStream(await answer.text())
  assert.ok(done)
  assertLegalStream(events as unknown as CanonicalEvent[])
  const { response: final } = events.at(-1) as unknown as {
    response: { error: { code: string; message: string } | null; output_text?: string }
  }
  const text = events.flatMap((event) => (typeof event.delta === 'string' ? event.delta : [])).join('')
  return final.error === null
    ? { status: 200, code: null, message: text, opened: true }
    : { status: 200, ...final.error, opened: true }
}

const later = (socket: Socket, action: () => void) => setTimeout(action, 15).unref() && socket

describe('one provider', () => {
  let gateway: RawGateway
  /** In front of providers that fall silent. */
  let hasty: RawGateway
  /** In front of those that do so once they have begun, for which a busy machine may take a while. */
  let interrupted: RawGateway
  before(async () => {
    gateway = await startRawGateway()
    hasty = await startRawGateway({ provider: { timeouts: silenceTimeouts } })
    const { idle } = silenceTimeouts
    interrupted = await startRawGateway({ provider: { timeouts: { ...patientTimeouts, idle } } })
  })
  after(async () => {
    await gateway.close()
    await hasty.close()
    await interrupted.close()
  })

  const silences: [string, number, string, Script][] = [
    ['says nothing', 504, 'upstream_timeout', () => {}],
    [
      'stops in its head',
      504,
      'upstream_timeout',
      (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n'),
    ],
  ]
  const interruptions: [string, number, string, Script][] = [
    ['stops behind its head', 504, 'upstream_timeout', (socket) => openAnswer(socket)],
    [
      'stops within an error answer',
      503,
      'upstream_overloaded',
      (socket) => {
        openAnswer(socket, 'application/json', '503 Busy')
        socket.write('{"error":{"message":"ov')
      },
    ],
  ]
  const beforeOutput: [string, number, string, Script][] = [
    ['cuts before its head', 502, 'upstream_disconnected', (socket) => socket.destroy()],
    [
      'speaks no HTTP',
      502,
      'upstream_invalid_response',
      (socket) => socket.write('SSH-2.0-OpenSSH_9.6\r\n\r\n'),
    ],
    ['answers nothing', 502, 'upstream_invalid_response', (socket) => respond(socket, '')],
    [
      'answers a page under a 200',
      502,
      'upstream_invalid_response',
      (socket) => respond(socket, '<html><body>Sign in</body></html>', 'text/html'),
    ],
    [
      'answers a page under a 502',
      502,
      'upstream_error',
      (socket) =>
        respond(socket, '<html><title>502 Bad Gateway</title></html>', 'text/html', '502 Bad Gateway'),
    ],
    ['answers null', 502, 'upstream_invalid_response', (socket) => respond(socket, 'null')],
    [
      'names an encoding that only JavaScript knows',
      502,
      'upstream_invalid_response',
      (socket) =>
        socket.write('HTTP/1.1 200 OK\r\ncontent-encoding: constructor\r\ncontent-length: 2\r\n\r\n{}'),
    ],
    [
      'errs under a 200 and the type of a stream',
      429,
      'rate_limit_exceeded',
      (socket) =>
        respond(
          socket,
          '{"error":{"message":"slow down","code":"rate_limit_exceeded"}}',
          'text/event-stream',
        ),
    ],
  ]
  for (const one of [...silences, ...interruptions, ...beforeOutput]) {
    const [what, status, code, script] = one
    it(`that ${what} is a ${status}, also for a stream`, async () => {
      const asked = silences.includes(one) ? hasty : interruptions.includes(one) ? interrupted : gateway
      asked.script(script)
      const [json, stream] = await Promise.all([askJson(asked), askStream(asked)])
      assert.deepEqual([json.status, json.code], [status, code])
      assert.doesNotMatch(json.message, /[<>{]|127\.0\.0\.1/)
      assert.deepEqual([stream.opened, stream.status, stream.code], [false, status, code])
    })
  }

  const silence = 'stops'
  const withinOutput: [string, number, string, (socket: Socket) => void][] = [
    [silence, 504, 'upstream_timeout', () => {}],
    [
      'cuts within an event',
      502,
      'upstream_disconnected',
      (socket) => {
        socket.write(delta('x').slice(0, 40))
        later(socket, () => socket.destroy())
      },
    ],
    [
      'cuts within a character',
      502,
      'upstream_disconnected',
      (socket) => {
        const bytes = Buffer.from(delta('é'))
        socket.write(bytes.subarray(0, bytes.indexOf(0xc3) + 1))
        later(socket, () => socket.end())
      },
    ],
    [
      'sends an event without end',
      502,
      'upstream_invalid_response',
      (socket) => {
        const piece = Buffer.alloc(1024 * 1024, 'x')
        socket.write('data: ')
        const more = () => {
          while (!socket.destroyed && socket.write(piece));
        }
        socket.on('drain', more)
        more()
      },
    ],
  ]
  for (const [what, status, code, script] of withinOutput) {
    it(`that ${what} in mid-stream ends the stream in order, and is a ${status} for JSON`, async () => {
      const asked = what === silence ? interrupted : gateway
      asked.script((socket) => {
        openAnswer(socket)
        socket.write(opening + delta('he'))
        script(socket)
      })
      const [json, stream] = await Promise.all([askJson(asked), askStream(asked)])
      assert.deepEqual([stream.opened, stream.code], [true, code])
      assert.deepEqual([json.status, json.code], [status, code])
    })
  }

  const recovered: [string, Script][] = [
    ['answers a stream as JSON', (socket) => respond(socket, wholeStream)],
    [
      'answers JSON as a stream',
      (socket) => respond(socket, JSON.stringify(response()), 'text/event-stream'),
    ],
    [
      'puts white space before JSON called a stream',
      (socket) => {
        openAnswer(socket)
        socket.write('\r\n ')
        later(socket, () => socket.end(JSON.stringify(response())))
      },
    ],
    [
      'names no type, with its first word cut',
      (socket) => {
        openAnswer(socket, '')
        socket.write('ev')
        later(socket, () => socket.end(wholeStream.slice(2)))
      },
    ],
    [
      'cuts its byte order mark',
      (socket) => {
        openAnswer(socket, '')
        socket.write(Buffer.from([0xef]))
        later(socket, () => socket.end(Buffer.concat([Buffer.from([0xbb, 0xbf]), Buffer.from(wholeStream)])))
      },
    ],
    [
      'begins with another field',
      (socket) => {
        openAnswer(socket, 'text/plain')
        socket.end(`retry: 1000\n\nid: 1\n${wholeStream}`)
      },
    ],
    [
      'forgets [DONE]',
      (socket) => {
        openAnswer(socket)
        socket.end(opening + delta('hello') + completed)
      },
    ],
    [
      'keeps the connection open behind its end',
      (socket) => {
        openAnswer(socket)
        socket.write(opening + delta('hello') + completed)
      },
    ],
    [
      'sends garbage behind its end',
      (socket) => {
        openAnswer(socket)
        socket.end(`${wholeStream}${delta('more')}data: \u0000{{{\n\n`)
      },
    ],
  ]
  for (const [what, script] of recovered) {
    it(`that ${what} is understood`, async () => {
      gateway.script(script)
      assert.deepEqual(await askJson(gateway), { status: 200, code: null, message: 'hello' })
      assert.equal((await askStream(gateway)).message, 'hello')
    })
  }

  it('that repeats its key in an error never shows it', async () => {
    const error = { message: 'Incorrect key: provider-key-123456.', code: 'odd_request' }
    const scripts: Script[] = [
      (socket) => respond(socket, JSON.stringify({ error }), 'application/json', '400 Bad Request'),
      (socket) => respond(socket, JSON.stringify({ error })),
      (socket) => {
        openAnswer(socket)
        socket.end(`${opening}${delta('he')}data: ${JSON.stringify({ type: 'error', error })}\n\n`)
      },
    ]
    for (const script of scripts) {
      gateway.script(script)
      for (const stream of [false, true]) {
        const id = `leak-${scripts.indexOf(script)}-${stream}`
        const answer = await gateway.post({ model: 'raw/model', input: 'hi', stream }, { 'x-request-id': id })
        const text = await answer.text()
        assert.match(text, /Incorrect key: \[redacted\]/)
        assert.doesNotMatch(text, /provider-key/)
        const row = await gateway.admin<AdminRequest>(`/admin/requests/${id}`)
        assert.match(row.error?.message ?? '', /Incorrect key: \[redacted\]/)
        assert.doesNotMatch(JSON.stringify(row), /provider-key/)
      }
    }
  })
  it('that answers more than any response can hold is cut off', async () => {
    const piece = Buffer.alloc(4 * 1024 * 1024, ' ')
    let written = 0
    gateway.script((socket) => {
      openAnswer(socket, 'application/json')
      socket.write('{"output":[],"padding":"')
      const more = () => {
        while (!socket.destroyed && socket.write(piece)) written += piece.length
        written += piece.length
      }
      socket.on('drain', more)
      more()
    })
    const told = await askJson(gateway)
    assert.deepEqual([told.status, told.code], [502, 'upstream_invalid_response'])
    assert.ok(written < 256 * 1024 * 1024)
  })
})
