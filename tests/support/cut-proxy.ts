/** A way to a server that can be cut: before a word of the client's goes on, or before the answer to it comes back. */

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

export interface CutProxy {
  port: number
  /**
   * Cuts every connection as soon as a client says `word`: `before` it has reached the server, or `after` the server has
   * answered it, of which the client hears nothing; or `unseen` by the server, which goes on waiting for the word. Once.
   */
  cutAt(word: string, when: 'before' | 'after' | 'unseen'): void
  /** Lets nothing through, without closing anything. */
  freeze(on: boolean): void
  /** Ends new connections at once. */
  refuse(on: boolean): void
  /** Connections since the start. */
  connections(): number
}

/** Closed after the test. */
export async function startCutProxy(t: TestContext, target: number): Promise<CutProxy> {
  const sockets = new Set<Socket>()
  let cut: { word: string; when: Parameters<CutProxy['cutAt']>[1] } | null = null
  let frozen = false
  let refusing = false
  let connections = 0
  const cutAll = () => {
    cut = null
    for (const socket of sockets) socket.destroy()
  }
  const server = createServer((client) => {
    connections += 1
    if (refusing) {
      client.destroy()
      return
    }
    const upstream = connect(target, '127.0.0.1')
    let waitsForAnswer = false
    let isLeft = false
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        if (!isLeft) upstream.destroy()
      })
    }
    client.on('data', (bytes) => {
      if (frozen) return
      const found = cut !== null && bytes.includes(cut.word)
      if (found && cut?.when === 'before') return cutAll()
      if (found && cut?.when === 'unseen') {
        cut = null
        isLeft = true
        client.destroy()
        return
      }
      waitsForAnswer ||= found
      upstream.write(bytes)
    })
    upstream.on('data', (bytes) => {
      if (frozen) return
      if (waitsForAnswer) return cutAll()
      client.write(bytes)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    cutAll()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port.')
  return {
    port: address.port,
    cutAt: (word, when) => {
      cut = { word, when }
    },
    freeze: (on) => {
      frozen = on
    },
    refuse: (on) => {
      refusing = on
    },
    connections: () => connections,
  }
}
