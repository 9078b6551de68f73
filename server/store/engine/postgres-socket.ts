/** The way to the server: a socket to the first host that takes one, and what TLS asks of it. */

import { once } from 'node:events'
import { Socket } from 'node:net'
import { type ConnectionOptions, checkServerIdentity } from 'node:tls'
import type { PostgresPlace, PostgresTls } from './postgres-place.ts'

/** Bytes that may wait to be sent. A whole batch goes out at once, however large, and so waits for one answer only. */
const writableHighWaterMark = 67_108_864

/** Connects to one host after the other, beginning with the one after `from`. Throws the last one's error. */
export async function connectSocket(
  { hosts }: PostgresPlace,
  from: number,
  signal: AbortSignal,
): Promise<{ socket: Socket; index: number }> {
  let failure: unknown
  for (let step = 0; step < hosts.length; step += 1) {
    const index = (from + step) % hosts.length
    const target = hosts[index]
    if (target === undefined) continue
    const socket = new Socket({ writableHighWaterMark } as ConstructorParameters<typeof Socket>[0])
    try {
      socket.connect(target)
      await once(socket, 'connect', { signal })
      socket.setNoDelay(true)
      socket.setKeepAlive(true, 30_000)
      // The library asks the socket whom the certificate must name.
      return { socket: Object.assign(socket, { host: 'host' in target ? target.host : undefined }), index }
    } catch (error) {
      socket.destroy()
      failure = error
      if (signal.aborted) break
    }
  }
  throw failure
}

/** As the library takes it. `host`: whom the certificate has to name, once there is a socket. */
export function tlsOptions(
  { mode, ca }: PostgresTls,
  host: () => string,
): false | 'prefer' | 'require' | ConnectionOptions {
  switch (mode) {
    case 'disable':
      return false
    case 'prefer':
    case 'require':
      return mode
    case 'verify-ca':
      return { ...trust(ca), checkServerIdentity: () => undefined }
    case 'verify-full':
      // The library leaves an address out, and a certificate may name one.
      return {
        ...trust(ca),
        checkServerIdentity: (_name, certificate) => checkServerIdentity(host(), certificate),
      }
  }
}

function trust(ca: string | null): ConnectionOptions {
  return ca === null ? {} : { ca }
}
