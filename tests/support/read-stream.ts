/** An event stream as it comes over the wire: the head, each write of the server by itself, the events. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import type { CanonicalEvent } from '../../translators/shared/canonical.ts'

export interface RawStream {
  /** Status line and headers, names in lower case. */
  status: number
  headers: Record<string, string>
  /** The chunks of the chunked coding: one per write. */
  writes: string[]
}

/** Posts over a bare socket, so that nothing joins, splits or decodes what the server wrote. */
export async function postRaw(origin: string, body: unknown): Promise<RawStream> {
  const { hostname, port } = new URL(origin)
  const text = JSON.stringify(body)
  const bytes: Buffer[] = []
  await new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), hostname, () =>
      socket.write(
        `POST /v1/responses HTTP/1.1\r\nhost: ${hostname}:${port}\r\nconnection: close\r\naccept-encoding: gzip, br\r\n` +
          `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
      ),
    )
    socket.on('data', (data) => bytes.push(data))
    socket.on('end', resolve)
    socket.on('error', reject)
  })
  return parseAnswer(Buffer.concat(bytes))
}

function parseAnswer(answer: Buffer): RawStream {
  const end = answer.indexOf('\r\n\r\n')
  const [first = '', ...lines] = answer.subarray(0, end).toString().split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  )
  assert.equal(headers['transfer-encoding'], 'chunked')
  const writes: string[] = []
  let rest = answer.subarray(end + 4)
  for (;;) {
    const line = rest.indexOf('\r\n')
    const size = Number.parseInt(rest.subarray(0, line).toString(), 16)
    if (!(size > 0)) break
    writes.push(rest.subarray(line + 2, line + 2 + size).toString())
    rest = rest.subarray(line + 4 + size)
  }
  return { status: Number(first.split(' ')[1]), headers, writes }
}

/** The events of a stream that ends as every stream must: `[DONE]`, and each `event:` line equal to its type. */
export function readEvents(text: string): CanonicalEvent[] {
  const blocks = text.split('\n\n')
  assert.equal(blocks.pop(), '', 'the stream ends with an empty line')
  assert.equal(blocks.pop(), 'data: [DONE]', 'the last event is [DONE]')
  return blocks
    .filter((block) => !block.startsWith(':'))
    .map((block) => {
      const match = /^event: (.+)\ndata: (.+)$/.exec(block)
      assert.ok(match, `one event line and one data line: ${block.slice(0, 80)}`)
      const event = JSON.parse(match[2] as string) as CanonicalEvent
      assert.equal(event.type, match[1])
      return event
    })
}
