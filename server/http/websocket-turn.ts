/** One message of a WebSocket client: the record it gets, and the turn that it asks for. */
import type { IncomingHttpHeaders } from 'node:http'
import { isObject, type JsonObject } from '../../translators/shared/canonical.ts'
import { GatewayError, isOperatorsBusiness, toGatewayError } from '../errors.ts'
import { captureChunk, captureLimit } from '../gateway/capture.ts'
import type { Exchange } from '../gateway/exchange.ts'
import { createExchange, failExchange, finishExchange } from '../gateway/exchange-life.ts'
import { readSettings } from '../gateway/read-settings.ts'
import type { ConnectionTurns } from '../gateway/state/local-turns.ts'
import { isStored } from '../gateway/state/turn.ts'
import { validateRequest } from '../gateway/validate-request.ts'
import { admitCaller, noteAsked } from './admit-caller.ts'
import { parseBody } from './parse-body.ts'
import type { ResponsesRouteDependencies } from './responses-route.ts'
import { publicRequestId } from './server-timing.ts'
import { renderErrorFrame } from './websocket-frames.ts'
import { createWebSocketSink } from './websocket-sink.ts'
import type { FrameWriter } from './websocket-writer.ts'

export type TurnDependencies = Pick<
  ResponsesRouteDependencies,
  'runtime' | 'draining' | 'gateway' | 'observer' | 'onUnexpected'
>

/** The other end of a connection. */
export interface Client {
  /** Of the upgrade: they hold for every turn. */
  headers: IncomingHttpHeaders
  address: string
  writer: FrameWriter
  local: ConnectionTurns
}

export interface Message {
  exchange: Exchange
  /** As it came. */
  data: Buffer
  /** Of `performance.now()`. */
  receivedAt: number
  /** What it holds; the error when that cannot be told. */
  body: JsonObject | GatewayError
  /** Copied into all that answers it. */
  streamId: string | null
}

/** Characters of a `stream_id`, which every event repeats. */
const longestStreamId = 256

/** Opens the record of a message, and reads it. */
export function receiveMessage(
  { observer }: TurnDependencies,
  { headers, address }: Client,
  data: Buffer,
  isBinary: boolean,
): Message {
  const exchange = createExchange({ headers, clientAddress: address, operation: 'responses.create' })
  exchange.stream = true
  observer.started(exchange)
  const message = { exchange, data, receivedAt: performance.now() }
  try {
    const body = readJson(data, isBinary)
    noteAsked(exchange, { ...body, stream: true })
    return { ...message, body, streamId: isStreamId(body.stream_id) ? body.stream_id : null }
  } catch (thrown) {
    return { ...message, body: toGatewayError(thrown), streamId: null }
  }
}

function readJson(data: Buffer, isBinary: boolean): JsonObject {
  if (isBinary) throw new GatewayError('invalid_request', 'Send JSON as text frames, not binary ones.')
  const body = parseBody(data, 'application/json')
  if (isObject(body)) return body
  throw new GatewayError('invalid_request', 'A message must be a JSON object: {"type":"response.create", …}.')
}

function isStreamId(value: unknown): value is string {
  return typeof value === 'string' && value.length <= longestStreamId
}

export interface TurnOptions {
  client: Client
  message: Message
  /** Aborts when the client goes away. */
  signal: AbortSignal
}

/** Answers a message whose turn it is. Never rejects. */
export async function runTurn(dependencies: TurnDependencies, options: TurnOptions): Promise<void> {
  const { client, message } = options
  const { exchange, body } = message
  endWaiting(message)
  try {
    await answer(dependencies, options)
  } catch (thrown) {
    const error = toGatewayError(thrown)
    if (isOperatorsBusiness(thrown, error)) dependencies.onUnexpected(thrown, exchange)
    tellError(client, message, error)
  }
  const isContinued = exchange.status === 'completed' || exchange.status === 'incomplete'
  if (!isContinued && isObject(body) && typeof body.previous_response_id === 'string')
    client.local.evict(body.previous_response_id)
  conclude(dependencies, message)
}

/** Answers a message that gets no turn. */
export function refuseTurn(
  dependencies: TurnDependencies,
  client: Client,
  message: Message,
  error: GatewayError,
): void {
  endWaiting(message)
  tellError(client, message, error)
  conclude(dependencies, message)
}

/** It has waited for the turns before it, which is no time of the gateway's own. */
function endWaiting({ exchange, receivedAt }: Message): void {
  exchange.upstreamMs += performance.now() - receivedAt
}

function tellError({ writer }: Client, { exchange, streamId }: Message, error: GatewayError): void {
  failExchange(exchange, error)
  if (error.code === 'client_closed_request') return
  const frame = renderErrorFrame({ error, requestId: publicRequestId(exchange), streamId })
  captureChunk(exchange.clientResponse, frame, frame.length)
  writer.write([frame])
}

function conclude({ observer, runtime }: TurnDependencies, { exchange, data }: Message): void {
  // Only by now it is known whose project it is, where it is known at all.
  captureChunk(exchange.clientRequest, data, captureLimit(runtime(), exchange))
  finishExchange(exchange)
  observer.finished(exchange)
}

async function answer(
  dependencies: TurnDependencies,
  { client, message, signal }: TurnOptions,
): Promise<void> {
  const { exchange, streamId } = message
  const { runtime, caller, options } = admitCaller(dependencies, exchange, client.headers)
  if (message.body instanceof GatewayError) throw message.body
  checkEnvelope(message.body)
  const { type: _type, stream_id: _streamId, generate, ...rest } = message.body
  const request = validateRequest({ ...rest, stream: true })
  exchange.settings = readSettings(request)
  const sink = createWebSocketSink({
    writer: client.writer,
    exchange,
    captureLimit: captureLimit(runtime, exchange),
    record: isStored(runtime, caller.projectId, request),
    streamId,
  })
  await dependencies.gateway.respond({
    exchange,
    request,
    unsupported: options.unsupported,
    events: options.events,
    claim: null,
    idempotencyKey: null,
    sink,
    signal,
    local: client.local,
    generate: generate !== false,
  })
}

/** What stands around the request in a message. */
function checkEnvelope({ type, stream_id: streamId, generate, background }: JsonObject): void {
  if (type !== 'response.create')
    refuse('type', 'The type of a message must be response.create: nothing else is taken here.')
  if (streamId !== undefined && streamId !== null && !isStreamId(streamId))
    refuse('stream_id', `stream_id must be a string of at most ${longestStreamId} characters.`)
  if (generate !== undefined && generate !== null && typeof generate !== 'boolean')
    refuse('generate', 'generate must be true or false.')
  if (background === true)
    refuse(
      'background',
      'background cannot be true in a WebSocket, whose turns end with it. Call POST /v1/responses for it.',
    )
}

function refuse(param: string, message: string): never {
  throw new GatewayError('invalid_request', message, { param })
}
