/**
 * The load: raw sockets with keep-alive, one request at a time on each, in a process of its own. Answers each
 * `LoadOrder` that its parent sends with one `LoadResult`.
 */
import { connect, type Socket } from 'node:net'
import { deltaCount } from './payloads.ts'

export interface LoadOrder {
  port: number
  headers: Record<string, string>
  body: string
  stream: boolean
  connections: number
  /** Milliseconds before counting begins, then of counting. */
  warmup: number
  duration: number
}

export interface LoadResult {
  /** Whole answers inside the counted time, and the first few complaints. */
  requests: number
  errors: number
  complaints: string[]
  /** Deltas that arrived inside the counted time. */
  deltas: number
  seconds: number
  /** Milliseconds; null without an answer. */
  p50: number | null
  p99: number | null
}

const deltaMark = Buffer.from('"type":"response.output_text.delta"')
const headEndMark = Buffer.from('\r\n\r\n')
const lastChunk = Buffer.from('0\r\n\r\n')

class Run {
  readonly order: LoadOrder
  readonly request: Buffer
  readonly sockets = new Set<Socket>()
  readonly latencies: number[] = []
  readonly complaints: string[] = []
  errors = 0
  deltas = 0
  counting = false
  over = false

  constructor(order: LoadOrder) {
    this.order = order
    const headers = {
      host: `127.0.0.1:${order.port}`,
      'content-type': 'application/json',
      ...order.headers,
      'content-length': String(Buffer.byteLength(order.body)),
    }
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    this.request = Buffer.from(`POST /v1/responses HTTP/1.1\r\n${lines.join('')}\r\n${order.body}`)
  }

  async execute(): Promise<LoadResult> {
    for (let index = 0; index < this.order.connections; index++) this.open()
    await sleep(this.order.warmup)
    this.counting = true
    const startedAt = performance.now()
    await sleep(this.order.duration)
    const seconds = (performance.now() - startedAt) / 1000
    this.counting = false
    this.over = true
    for (const socket of this.sockets) socket.destroy()
    const sorted = this.latencies.sort((a, b) => a - b)
    const quantile = (share: number) => sorted[Math.floor(sorted.length * share)] ?? null
    const { errors, complaints, deltas } = this
    return {
      requests: sorted.length,
      errors,
      complaints,
      deltas,
      seconds,
      p50: quantile(0.5),
      p99: quantile(0.99),
    }
  }

  open(): void {
    const socket = connect({ port: this.order.port, host: '127.0.0.1', noDelay: true })
    const exchange = new ExchangeReader(this, socket)
    this.sockets.add(socket)
    socket.on('connect', () => exchange.send())
    socket.on('data', (chunk) => exchange.read(chunk))
    socket.on('error', (error) => this.fail(socket, error.message))
    socket.on('close', () => this.fail(socket, 'the connection was closed'))
  }

  fail(socket: Socket, complaint: string): void {
    if (this.over || !this.sockets.delete(socket)) return
    this.errors += 1
    if (this.complaints.length < 3) this.complaints.push(complaint)
    socket.destroy()
    // Not at once: a target that refuses must not be hammered.
    setTimeout(() => this.over || this.open(), 20)
  }
}

/** One connection: sends, reads to the end of the answer, checks it, sends again. */
class ExchangeReader {
  readonly run: Run
  readonly socket: Socket
  sentAt = 0
  /** What has come while the head is not complete. */
  head: Buffer | null = Buffer.alloc(0)
  /** Bytes still to come; null for a chunked answer. */
  missing: number | null = null
  /** The last bytes seen: a mark may be cut anywhere. */
  tail: Buffer = Buffer.alloc(0)
  deltas = 0

  constructor(run: Run, socket: Socket) {
    this.run = run
    this.socket = socket
  }

  send(): void {
    this.head = Buffer.alloc(0)
    this.missing = null
    this.tail = Buffer.alloc(0)
    this.deltas = 0
    this.sentAt = performance.now()
    this.socket.write(this.run.request)
  }

  read(chunk: Buffer): void {
    const body = this.head === null ? chunk : this.readHead(this.head, chunk)
    if (body === null) return
    if (this.run.order.stream) this.countDeltas(body)
    if (this.missing !== null) this.missing -= body.length
    if (this.missing === null ? this.endsChunked(body) : this.missing <= 0) this.conclude()
  }

  /** @returns the beginning of the body, or null when there is none (yet). */
  readHead(before: Buffer, chunk: Buffer): Buffer | null {
    const all = before.length === 0 ? chunk : Buffer.concat([before, chunk])
    const end = all.indexOf(headEndMark)
    if (end === -1) {
      this.head = all
      return null
    }
    const head = all.toString('latin1', 0, end)
    const body = all.subarray(end + headEndMark.length)
    if (!head.startsWith('HTTP/1.1 200 ')) {
      this.run.fail(this.socket, `${head.slice(9, 12)} ${body.toString('utf8', 0, 200)}`)
      return null
    }
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    this.missing = length === undefined ? null : Number(length)
    this.head = null
    return body
  }

  countDeltas(chunk: Buffer): void {
    const text = this.tail.length === 0 ? chunk : Buffer.concat([this.tail, chunk])
    let found = 0
    let from = 0
    for (let at = text.indexOf(deltaMark); at !== -1; at = text.indexOf(deltaMark, from)) {
      found += 1
      from = at + deltaMark.length
    }
    this.tail = text.subarray(Math.max(from, text.length - deltaMark.length + 1))
    this.deltas += found
    if (this.run.counting) this.run.deltas += found
  }

  /** A chunk too short to tell is the end of `tail` already. */
  endsChunked(chunk: Buffer): boolean {
    const end = chunk.length >= lastChunk.length ? chunk : this.tail
    return end.subarray(-lastChunk.length).equals(lastChunk)
  }

  conclude(): void {
    const { run } = this
    if (run.over) return
    if (run.order.stream && this.deltas !== deltaCount) {
      run.fail(this.socket, `a stream of ${this.deltas} instead of ${deltaCount} deltas`)
      return
    }
    if (run.counting) run.latencies.push(performance.now() - this.sentAt)
    this.send()
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

process.on('message', (order: LoadOrder) => {
  void new Run(order).execute().then((result) => process.send?.(result))
})
