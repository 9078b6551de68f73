/**
 * A provider that costs next to nothing: raw sockets, answers made beforehand. Prints its port.
 * `mock` streams as fast as it is read, one delta of every open stream per turn; `mock-slow` one per 20 ms.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createJsonAnswer, createStreamAnswer, slowDelay } from './payloads.ts'

const json = Buffer.from(createJsonAnswer())
const jsonAnswer = Buffer.concat([
  Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${json.length}\r\n\r\n`),
  json,
])
const streamHead = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'
const stream = createStreamAnswer()
/** Every write of one stream, in order. */
const writes = [
  Buffer.concat([Buffer.from(streamHead), encodeChunk(stream.head)]),
  ...stream.deltas.map(encodeChunk),
  Buffer.concat([encodeChunk(stream.tail), Buffer.from('0\r\n\r\n')]),
]

function encodeChunk(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
}

interface OpenStream {
  socket: Socket
  next: number
}

const fast = new Set<OpenStream>()
const slow: Set<OpenStream>[] = Array.from({ length: slowDelay }, () => new Set<OpenStream>())
let arrivals = 0
let turning = false

/** Writes the next piece; an ended or vanished stream leaves its set. @returns whether there was anything to do. */
function advance(set: Set<OpenStream>, open: OpenStream): boolean {
  if (open.socket.destroyed) return set.delete(open)
  if (open.socket.writableNeedDrain) return false
  open.socket.write(writes[open.next++]!)
  if (open.next === writes.length) set.delete(open)
  return true
}

/** Rests when every reader is behind: spinning would take the processor from what is measured. */
function turn(): void {
  turning = false
  for (const open of fast) if (advance(fast, open)) turning = true
  if (turning) setImmediate(turn)
}

function startTurning(): void {
  if (turning || fast.size === 0) return
  turning = true
  setImmediate(turn)
}

/** One bucket per millisecond; a late timer catches up, so that the rate stays what it says. */
let ticks = 0
const startedAt = performance.now()
setInterval(() => {
  for (const due = performance.now() - startedAt; ticks < due; ticks++) {
    const bucket = slow[ticks % slowDelay]!
    for (const open of bucket) advance(bucket, open)
  }
}, 1)

function answer(socket: Socket, body: string): void {
  if (!body.includes('"stream":true')) {
    socket.write(jsonAnswer)
  } else if (body.includes('"model":"mock-slow"')) {
    slow[arrivals++ % slowDelay]!.add({ socket, next: 0 })
  } else {
    fast.add({ socket, next: 0 })
    startTurning()
  }
}

/** Requests have a content-length, as every HTTP client sends for a body that it knows. */
function accept(socket: Socket): void {
  let pending = ''
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  socket.on('drain', startTurning)
  socket.on('data', (chunk) => {
    pending += chunk.toString('latin1')
    for (;;) {
      const headEnd = pending.indexOf('\r\n\r\n')
      if (headEnd === -1) return
      const length = /\r\ncontent-length: *(\d+)/i.exec(pending.slice(0, headEnd))?.[1]
      if (length === undefined) {
        socket.end('HTTP/1.1 411 Length Required\r\ncontent-length: 0\r\n\r\n')
        return
      }
      const end = headEnd + 4 + Number(length)
      if (pending.length < end) return
      const body = pending.slice(headEnd + 4, end)
      pending = pending.slice(end)
      answer(socket, body)
    }
  })
}

const server = createServer(accept)
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.log((server.address() as AddressInfo).port)
})
