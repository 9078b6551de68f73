/**
 * What the gateway is measured against: `node:http` in, undici's `Pool.dispatch` out, nothing parsed.
 * Argument: the port of the provider. Prints its own.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Pool } from 'undici'

const pool = new Pool(`http://127.0.0.1:${process.argv[2]}`, { connections: 1024, pipelining: 1 })

function forward(request: IncomingMessage, response: ServerResponse): void {
  const { host: _host, connection: _connection, ...headers } = request.headers
  pool.dispatch(
    { method: 'POST', path: request.url ?? '/', headers, body: request },
    {
      onRequestStart(controller) {
        response.on('close', () => {
          if (!response.writableFinished) controller.abort(new Error('the client has gone'))
        })
        response.on('drain', () => controller.resume())
      },
      onResponseStart(_controller, status, answerHeaders) {
        const { 'transfer-encoding': _encoding, connection: _kept, ...passed } = answerHeaders
        response.writeHead(status, passed)
      },
      onResponseData(controller, chunk) {
        if (!response.write(chunk)) controller.pause()
      },
      onResponseEnd() {
        response.end()
      },
      onResponseError() {
        if (!response.headersSent) response.writeHead(502)
        response.end()
      },
    },
  )
}

const server = createServer(forward)
server.listen(0, '127.0.0.1', 4096, () => console.log((server.address() as AddressInfo).port))
