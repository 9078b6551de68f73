/** Undoes a content-encoding that a provider used although it was asked for none. */

import type { Transform } from 'node:stream'
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib'

export interface BodyDecoder {
  /** False when the decoder is full: write no more until `onDrain`. */
  write(chunk: Uint8Array): boolean
  /** All has been written; `onEnd` or `onError` follows. */
  end(): void
  /** Delivers no more until resumed. */
  pause(): void
  resume(): void
  /** Ends without another callback. */
  destroy(): void
}

export interface BodyDecoderHandlers {
  onData(chunk: Uint8Array): void
  onDrain(): void
  onEnd(): void
  /** The bytes are not what the encoding says, or end too early. */
  onError(error: Error): void
}

type DecoderFactory = (firstByte: number) => Transform

const factories: { readonly [encoding: string]: DecoderFactory } = {
  gzip: () => createGunzip(),
  'x-gzip': () => createGunzip(),
  br: () => createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH }),
  zstd: () => createZstdDecompress(),
  // RFC 9110 means the zlib format; some servers send it without its wrapper, whose first byte ends in 8.
  deflate: (firstByte) => ((firstByte & 0x0f) === 8 ? createInflate() : createInflateRaw()),
}

/** Whether a body needs decoding: not for an absent header or `identity`. */
export function isEncoded(contentEncoding: string | undefined): contentEncoding is string {
  return (
    contentEncoding !== undefined && contentEncoding !== '' && contentEncoding.toLowerCase() !== 'identity'
  )
}

/** @returns null for an encoding that is not known (or several at once). */
export function createBodyDecoder(
  contentEncoding: string,
  handlers: BodyDecoderHandlers,
): BodyDecoder | null {
  const name = contentEncoding.trim().toLowerCase()
  const factory = Object.hasOwn(factories, name) ? factories[name] : undefined
  if (factory === undefined) return null
  let stream: Transform | null = null
  let paused = false
  let destroyed = false

  function open(firstByte: number): Transform {
    const created = (factory as DecoderFactory)(firstByte)
    created.on('data', (chunk: Uint8Array) => destroyed || handlers.onData(chunk))
    created.on('drain', () => destroyed || handlers.onDrain())
    created.on('end', () => destroyed || handlers.onEnd())
    created.on('error', (error) => destroyed || handlers.onError(error))
    if (paused) created.pause()
    return created
  }

  return {
    write(chunk) {
      if (chunk.length === 0) return true
      stream ??= open(chunk[0] as number)
      return stream.write(chunk)
    },
    end() {
      if (stream === null) handlers.onEnd()
      else stream.end()
    },
    pause() {
      paused = true
      stream?.pause()
    },
    resume() {
      paused = false
      stream?.resume()
    },
    destroy() {
      destroyed = true
      stream?.destroy()
    },
  }
}
