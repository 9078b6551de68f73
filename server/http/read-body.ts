import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, zstdDecompress } from 'node:zlib'
import { GatewayError } from '../errors.ts'

const decoders = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
}

export interface ReadBodyOptions {
  /** Bytes, before and after decompression. */
  limit: number
  /** Milliseconds without a byte. */
  idleTimeout: number
}

/**
 * Reads a request body whole.
 * @throws GatewayError `body_too_large` (413), `request_timeout` (408), `unsupported_media_type` (415, an unknown
 * content-encoding), `invalid_request` (400, a body that does not decompress), `client_closed_request` (499)
 */
export async function readBody(
  request: IncomingMessage,
  { limit, idleTimeout }: ReadBodyOptions,
): Promise<Buffer> {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
  if (encoding !== 'identity' && !Object.hasOwn(decoders, encoding)) {
    throw new GatewayError(
      'unsupported_media_type',
      `The content-encoding '${encoding.slice(0, 40)}' is not supported. Send gzip, deflate, br, zstd, or no content-encoding.`,
    )
  }
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(limit)
  const raw = await collect(request, limit, idleTimeout)
  if (encoding === 'identity') return raw
  try {
    return await decoders[encoding as keyof typeof decoders](raw, { maxOutputLength: limit })
  } catch (error) {
    if (error instanceof RangeError || (error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge(limit)
    throw new GatewayError(
      'invalid_request',
      `The body is not valid ${encoding}, which its content-encoding says it is.`,
    )
  }
}

function collect(request: IncomingMessage, limit: number, idleTimeout: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const timer = setTimeout(
      () =>
        stop(
          new GatewayError('request_timeout', `The request body stopped for more than ${idleTimeout} ms.`),
        ),
      idleTimeout,
    )
    function stop(error: GatewayError): void {
      clearTimeout(timer)
      request.removeAllListeners('data')
      request.pause()
      reject(error)
    }
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > limit) {
        stop(tooLarge(limit))
        return
      }
      chunks.push(chunk)
      timer.refresh()
    })
    request.on('end', () => {
      clearTimeout(timer)
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size))
    })
    request.on('error', () => stop(closed()))
    request.on('close', () => {
      if (!request.complete) stop(closed())
    })
  })
}

function tooLarge(limit: number): GatewayError {
  return new GatewayError(
    'body_too_large',
    `The request body is larger than the ${limit} bytes allowed. Send less, or ask the operator to raise limits.bodyBytes.`,
  )
}

function closed(): GatewayError {
  return new GatewayError(
    'client_closed_request',
    'The client closed the connection before the request was complete.',
  )
}
