/** `/admin/requests/tail`. */
import { finished, Readable } from 'node:stream'
import Type from 'typebox'
import type { AdminQueries } from '../../store/admin-queries.ts'
import { eventStreamHeaders } from '../event-stream.ts'
import { AdminTailQuery } from './contract.ts'
import { type AdminRoute, defineRoute } from './route.ts'
import { Tail, type TailEvent, type TailQueries } from './tail.ts'

export interface TailRoutesDependencies {
  queries: TailQueries & Pick<AdminQueries, 'createMatcher'>
  draining(): boolean
  /** Told how many live tails are open whenever that changes. */
  onTails?(open: number): void
}

export function createTailRoutes({ queries, draining, onTails }: TailRoutesDependencies): AdminRoute[] {
  const tail = new Tail({ queries, draining, onFollowers: onTails })
  return [
    defineRoute({
      method: 'GET',
      path: '/admin/requests/tail',
      summary: 'Requests as they start and end, as server-sent events.',
      description:
        'Events: `started` and `ended` with a row of the list, `dropped` with `{"count"}` of rows that a slow reader did not get. `Last-Event-ID` goes on where a connection ended; a row may then come twice. Requests that end within 0.2 s have no `started`.',
      query: AdminTailQuery,
      answer: Type.String(),
      contentTypes: ['text/event-stream'],
      async handler({ query, ctx }) {
        const stop = new AbortController()
        const events = tail.follow({
          matches: queries.createMatcher(query),
          lastEventId: ctx.get('last-event-id') || null,
          signal: stop.signal,
        })
        // Also one who has left before the answer begins, which then nobody reads.
        finished(ctx.res, () => {
          stop.abort()
          void events.return(undefined)
        })
        // What is refused must be so before the answer begins.
        const first = await events.next()
        ctx.set(eventStreamHeaders)
        ctx.body = Readable.from(writeEvents(first, events), { objectMode: false })
        return undefined
      },
    }),
  ]
}

async function* writeEvents(
  first: IteratorResult<TailEvent[]>,
  events: AsyncGenerator<TailEvent[]>,
): AsyncGenerator<string> {
  try {
    if (first.done !== true) yield first.value.map(writeEvent).join('')
    for await (const batch of events) if (batch.length > 0) yield batch.map(writeEvent).join('')
  } finally {
    await events.return(undefined)
  }
}

function writeEvent(event: TailEvent): string {
  if (event.name === 'heartbeat') return ': alive\n\n'
  const id = event.id === null ? '' : `id: ${event.id}\n`
  return `${id}event: ${event.name}\ndata: ${JSON.stringify(event.data)}\n\n`
}
