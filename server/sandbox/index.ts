/**
 * The sandbox: the documented providers behind real HTTP on loopback, strict as their documents, with a scripted
 * model. It serves the first run without keys, and the tests.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isObject } from '../../translators/shared/canonical.ts'
import { type SandboxConfig, sandboxConfig } from './config.ts'
import { deployment } from './deployment.ts'
import { type Behaviour, Desk, defaultBehaviour } from './desk.ts'
import { generalAugment } from './general-augment.ts'
import { openResponses } from './open-responses.ts'
import { openai } from './openai.ts'
import { RequestRing } from './request-ring.ts'
import { sail } from './sail.ts'
import { scaleway } from './scaleway.ts'
import { serveCall } from './serve-call.ts'
import { sudo } from './sudo.ts'
import type { ProviderName, RecordedRequest, SimulatedProvider } from './types.ts'
import { writeReply } from './write-stream.ts'

export { sandboxCommands } from './commands.ts'
export type { SandboxConfig } from './config.ts'
export type { Behaviour } from './desk.ts'
export { scriptedModel } from './model.ts'
export type { ProviderName, RecordedRequest } from './types.ts'

export interface Sandbox {
  /** `http://127.0.0.1:<port>` */
  origin: string
  /** A configuration in the shape of `config.json` that points the gateway at the sandbox. */
  config: SandboxConfig
  /** What came in, oldest first; bounded in number and bytes. */
  requests: readonly RecordedRequest[]
  /** Switches of the simulated providers; may be turned at any time. */
  behaviour: Behaviour
  /** Ends all connections and the server. */
  close(): Promise<void>
}

export interface SandboxOptions {
  host?: string
  /** 0: any free port. */
  port?: number
}

const providers: readonly SimulatedProvider[] = [
  sail,
  sudo,
  scaleway,
  generalAugment,
  deployment,
  openai,
  openResponses,
]

/** Body bytes at most, above every documented limit of the providers. */
const maxBodyBytes = 128 * 1024 * 1024

/**
 * Milliseconds that an unused connection stays open: longer than the gateway keeps one, since a call on a connection
 * that its server is just closing is lost.
 */
const keepAliveTimeout = 65_000

export async function startSandbox({ host = '127.0.0.1', port = 0 }: SandboxOptions = {}): Promise<Sandbox> {
  const behaviour = defaultBehaviour()
  const ring = new RequestRing()
  const desks = new Map<ProviderName, Desk>(providers.map(({ name }) => [name, new Desk(behaviour)]))
  const server = createServer({ keepAliveTimeout }, (request, response) => {
    answer(request, response, desks, ring).catch((error: unknown) => {
      if (response.destroyed) return
      if (response.headersSent) response.destroy()
      else response.writeHead(500, { 'content-type': 'text/plain' }).end(`The sandbox failed: ${error}`)
    })
  })
  await listen(server, host, port)
  const { port: bound, family, address } = server.address() as AddressInfo
  const origin = `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`
  return {
    origin,
    config: sandboxConfig(origin),
    requests: ring.requests,
    behaviour,
    close: () => closeServer(server),
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, 4096, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  desks: ReadonlyMap<ProviderName, Desk>,
  ring: RequestRing,
): Promise<void> {
  const path = request.url ?? '/'
  const found = findProvider(path)
  const raw = await readBody(request)
  if (!found)
    return void response
      .writeHead(404, { 'content-type': 'text/plain' })
      .end('No provider is simulated here.\n')
  const { provider, rest, projectId } = found
  const body = parseBody(raw)
  const headers = flattenHeaders(request)
  const method = request.method ?? 'GET'
  const record: RecordedRequest = {
    provider: provider.name,
    variant: provider.variant,
    method,
    path,
    headers,
    body,
    status: null,
    aborted: false,
    events: 0,
  }
  ring.add(record, raw?.length ?? 0)
  if (raw === null)
    return writeReply(response, provider.failure({ status: 413, message: 'The body is too large.' }), record)
  const call = {
    projectId: projectId ?? headers['x-project-id'] ?? null,
    headers,
    body: isObject(body) ? body : {},
  }
  const desk = desks.get(provider.name) as Desk
  await serveCall({ provider, method, path: rest, call, isJson: isObject(body), desk, response, record })
}

function findProvider(
  path: string,
): { provider: SimulatedProvider; rest: string; projectId: string | undefined } | null {
  for (const provider of providers) {
    const match = provider.base.exec(path)
    if (match) return { provider, rest: path.slice(match[0].length), projectId: match.groups?.project }
  }
  return null
}

/** Null when the body is too large. */
async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += (chunk as Buffer).length
    if (size <= maxBodyBytes) chunks.push(chunk as Buffer)
  }
  return size > maxBodyBytes ? null : Buffer.concat(chunks)
}

function parseBody(raw: Buffer | null): unknown {
  if (!raw?.length) return null
  const text = raw.toString()
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function flattenHeaders(request: IncomingMessage): Record<string, string> {
  const entries = Object.entries(request.headers)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  )
}
