/** Ports for servers that have to be told theirs before they start. */
import { createServer } from 'node:net'

/**
 * A port of the loopback at which nobody listens. It lies below those that systems give to connections of their own
 * accord (https://www.rfc-editor.org/rfc/rfc6335#section-6), so that none of these takes it until its server listens, or
 * while that is stopped for a while.
 */
export async function findPort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
