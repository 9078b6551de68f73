/** The live tail of the fake admin API: tells of rows that were put into its list, or changed there. */
import type { ServerResponse } from 'node:http'
import type { AdminRequestRow } from '../../server/http/admin/contract.ts'

const milliseconds = 100

export function followRows(fake: { rows: AdminRequestRow[]; tail: boolean }, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  response.write(': alive\n\n')
  let seen = new Set(fake.rows)
  const timer = setInterval(() => {
    if (!fake.tail) response.end()
    for (const row of [...fake.rows].reverse()) {
      if (seen.has(row)) continue
      const name = row.status === 'in_progress' || row.status === 'queued' ? 'started' : 'ended'
      response.write(`id: t1\nevent: ${name}\ndata: ${JSON.stringify(row)}\n\n`)
    }
    seen = new Set(fake.rows)
  }, milliseconds)
  response.once('close', () => clearInterval(timer))
}
