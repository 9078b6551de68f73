/**
 * An OTLP receiver as a collector is one: HTTP with protobuf or JSON, and gRPC, on loopback. It decodes by field numbers
 * of opentelemetry-proto v1 written down here, not by the code of the SDK that encodes.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import { gunzipSync } from 'node:zlib'
import protobuf from 'protobufjs'

/** One span, its attributes as plain values. */
export interface ReceivedSpan {
  traceId: string
  spanId: string
  /** Empty for the root of a trace. */
  parentSpanId: string
  name: string
  kind: 'INTERNAL' | 'SERVER' | 'CLIENT' | 'PRODUCER' | 'CONSUMER'
  /** Unix nanoseconds. */
  start: bigint
  end: bigint
  attributes: Record<string, unknown>
  events: { name: string; at: bigint; attributes: Record<string, unknown> }[]
  status: { code: 'UNSET' | 'OK' | 'ERROR'; message: string }
  /** Of the process. */
  resource: Record<string, unknown>
  scope: string
}

export interface OtlpReceiver {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  endpoint: string
  spans: ReceivedSpan[]
  /** Paths and content types of what came in. */
  exports: { path: string; type: string; headers: Record<string, string> }[]
  /**
   * The spans of a trace, once so many requests of it have been told (the calls of each come before it), oldest first.
   * Default 1.
   */
  trace(traceId: string, requests?: number): Promise<ReceivedSpan[]>
  close(): Promise<void>
}

/** What the messages of opentelemetry-proto hold, as far as it is read here: name, type, number. */
const messages = {
  ExportTraceServiceRequest: ['resource_spans ResourceSpans* 1'],
  ResourceSpans: ['resource Resource 1', 'scope_spans ScopeSpans* 2'],
  Resource: ['attributes KeyValue* 1'],
  ScopeSpans: ['scope Scope 1', 'spans Span* 2'],
  Scope: ['name string 1', 'version string 2'],
  Span: [
    'trace_id bytes 1',
    'span_id bytes 2',
    'parent_span_id bytes 4',
    'name string 5',
    'kind int32 6',
    'start_time_unix_nano fixed64 7',
    'end_time_unix_nano fixed64 8',
    'attributes KeyValue* 9',
    'events Event* 11',
    'status Status 15',
  ],
  Event: ['time_unix_nano fixed64 1', 'name string 2', 'attributes KeyValue* 3'],
  Status: ['message string 2', 'code int32 3'],
  KeyValue: ['key string 1', 'value AnyValue 2'],
  AnyValue: [
    'string_value string 1',
    'bool_value bool 2',
    'int_value int64 3',
    'double_value double 4',
    'array_value ArrayValue 5',
  ],
  ArrayValue: ['values AnyValue* 1'],
}

const requestType = buildSchema().lookupType('ExportTraceServiceRequest')

function buildSchema(): protobuf.Root {
  const root = new protobuf.Root()
  for (const [name, fields] of Object.entries(messages)) {
    const type = new protobuf.Type(name)
    // Presence matters: an AnyValue holds one of its members, also when that is 0 or empty.
    if (name === 'AnyValue')
      type.add(
        new protobuf.OneOf(
          'value',
          fields.map((field) => camel(field.split(' ')[0] as string)),
        ),
      )
    for (const field of fields) {
      const [label = '', kind = '', number] = field.split(' ')
      const rule = kind.endsWith('*') ? 'repeated' : undefined
      type.add(new protobuf.Field(camel(label), Number(number), kind.replace('*', ''), rule))
    }
    root.add(type)
  }
  return root
}

function camel(name: string): string {
  return name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase())
}

/** Both encodings in the shape of OTLP's JSON: ids in hex, 64-bit numbers as text. */
function decodeProtobuf(bytes: Buffer): OtlpRequest {
  const message = requestType.decode(bytes)
  const object = requestType.toObject(message, { longs: String, bytes: Buffer, oneofs: false })
  return JSON.parse(
    JSON.stringify(object, (_, value) => (isBytes(value) ? Buffer.from(value.data).toString('hex') : value)),
  )
}

function isBytes(value: unknown): value is { type: 'Buffer'; data: number[] } {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer'
}

interface OtlpValue {
  stringValue?: string
  intValue?: number | string
  doubleValue?: number
  boolValue?: boolean
  arrayValue?: { values?: OtlpValue[] }
}
type OtlpAttributes = { key: string; value: OtlpValue }[]
interface OtlpSpan {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes?: OtlpAttributes
  events?: { name: string; timeUnixNano: string; attributes?: OtlpAttributes }[]
  status?: { code?: number; message?: string }
}
interface OtlpRequest {
  resourceSpans?: {
    resource?: { attributes?: OtlpAttributes }
    scopeSpans: { scope?: { name: string }; spans: OtlpSpan[] }[]
  }[]
}

function readValue({ arrayValue, intValue, stringValue, doubleValue, boolValue }: OtlpValue): unknown {
  if (arrayValue !== undefined) return (arrayValue.values ?? []).map(readValue)
  if (intValue !== undefined) return Number(intValue)
  return stringValue ?? doubleValue ?? boolValue
}

function readAttributes(attributes: OtlpAttributes = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, readValue(value)]))
}

const kinds = ['INTERNAL', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'] as const
const codes = ['UNSET', 'OK', 'ERROR'] as const

function readSpans({ resourceSpans = [] }: OtlpRequest): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? '',
        name: span.name,
        kind: kinds[span.kind] ?? 'INTERNAL',
        start: BigInt(span.startTimeUnixNano),
        end: BigInt(span.endTimeUnixNano),
        attributes: readAttributes(span.attributes),
        events: (span.events ?? []).map(({ name, timeUnixNano, attributes }) => ({
          name,
          at: BigInt(timeUnixNano),
          attributes: readAttributes(attributes),
        })),
        status: { code: codes[span.status?.code ?? 0] ?? 'UNSET', message: span.status?.message ?? '' },
        resource: readAttributes(resource?.attributes),
        scope: scope?.name ?? '',
      })),
    ),
  )
}

type Take = (export_: {
  path: string
  type: string
  headers: Record<string, unknown>
  request: OtlpRequest
}) => void

async function answerHttp(request: IncomingMessage, response: ServerResponse, take: Take): Promise<void> {
  const body = await readAll(request)
  const bytes = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
  const type = request.headers['content-type'] ?? ''
  const isJson = type === 'application/json'
  const decoded = isJson ? (JSON.parse(bytes.toString()) as OtlpRequest) : decodeProtobuf(bytes)
  take({ path: request.url ?? '', type, headers: request.headers, request: decoded })
  response.writeHead(200, { 'content-type': type }).end(isJson ? '{}' : '')
}

/** A unary call: one frame of a flag for compression, four bytes of length, and the message. */
async function answerGrpc(
  stream: ServerHttp2Stream,
  headers: Record<string, unknown>,
  take: Take,
): Promise<void> {
  const body = await readAll(stream)
  const message = body.subarray(5, 5 + body.readUInt32BE(1))
  const bytes = body[0] === 1 ? gunzipSync(message) : message
  take({
    path: String(headers[':path']),
    type: String(headers['content-type']),
    headers,
    request: decodeProtobuf(bytes),
  })
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end(Buffer.alloc(5))
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export async function startOtlpReceiver(transport: 'http' | 'grpc' = 'http'): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = []
  const received: OtlpReceiver['exports'] = []
  const waiting = new Set<() => void>()
  const take: Take = ({ path, type, headers, request }) => {
    received.push({ path, type, headers: headers as Record<string, string> })
    spans.push(...readSpans(request))
    for (const look of [...waiting]) look()
  }
  const closing: (() => void)[] = []
  let server: Server
  if (transport === 'http') {
    // An unused connection is for the exporter to close: what it sends on one that is just being closed is lost.
    const http = createServer({ keepAliveTimeout: 0 }, (request, response) => {
      void answerHttp(request, response, take)
    })
    closing.push(() => http.closeAllConnections())
    server = http
  } else {
    const http2 = createHttp2Server()
    http2.on('session', (session) => closing.push(() => session.destroy()))
    http2.on('stream', (stream, headers) => void answerGrpc(stream, headers, take))
    server = http2
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    exports: received,
    trace: (traceId, requests = 1) =>
      new Promise((resolve, reject) => {
        // Only so that a test fails where it would hang.
        const timer = setTimeout(() => {
          waiting.delete(look)
          reject(new Error(`The spans of ${traceId} did not come: ${spans.length} others did.`))
        }, 60_000)
        function look(): void {
          const found = spans.filter((span) => span.traceId === traceId)
          if (found.filter(({ kind }) => kind !== 'CLIENT').length < requests) return
          waiting.delete(look)
          clearTimeout(timer)
          resolve(found.sort((one, other) => Number(one.start - other.start)))
        }
        waiting.add(look)
        look()
      }),
    async close() {
      server.close()
      for (const end of closing) end()
      await once(server, 'close')
    },
  }
}
