import type { ServerResponse } from 'node:http'
import type { Exchange } from '../gateway/exchange.ts'

/** Sends the head of an answer and notes it in the record. */
export function sendHead(
  response: ServerResponse,
  exchange: Exchange,
  status: number,
  headers: Record<string, string>,
): void {
  exchange.httpStatus = status
  exchange.clientResponseHeaders = headers
  response.writeHead(status, headers)
}
