/** Readers of the live tail who leave at awkward moments must not keep their place. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import Koa from 'koa'
import { createTailRoutes } from '../../../server/http/admin/tail-routes.ts'
import type { TailKeys } from '../../../server/store/log/tail-query.ts'

/** The tail over a store whose first answer waits to be let go. */
async function serveTail(t: TestContext) {
  const asked = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<void>()
  const gone = Promise.withResolvers<void>()
  const open: number[] = []
  const [route] = createTailRoutes({
    queries: {
      async tailKeys(): Promise<TailKeys> {
        asked.resolve()
        await answer.promise
        return { from: 0, keys: [] }
      },
      runningKeys: async () => [],
      rowsByKeys: async () => [],
      rowsSince: async () => ({ rows: [], more: false }),
      createMatcher: () => () => true,
    },
    draining: () => false,
    onTails: (count) => {
      open.push(count)
      if (count === 0) gone.resolve()
    },
  })
  const app = new Koa()
  const closed = Promise.withResolvers<void>()
  app.use((ctx) => {
    ctx.res.once('close', () => closed.resolve())
    return route?.handler({ params: {}, query: {}, body: null, ctx }) as Promise<void>
  })
  const server = createServer(app.callback()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const call = request({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' }).end()
  call.on('error', () => undefined)
  return {
    call,
    asked: asked.promise,
    answer,
    closed: closed.promise,
    gone: gone.promise,
    open,
  }
}

test('a reader who hangs up before the store has answered follows no longer', {
  timeout: 300_000,
}, async (t) => {
  const { call, asked, answer, closed, gone, open } = await serveTail(t)
  await asked
  assert.deepEqual(open, [1])
  call.destroy()
  await closed
  answer.resolve()
  await gone
})

test('and one who hangs up as the answer begins', { timeout: 300_000 }, async (t) => {
  const { call, asked, answer, gone } = await serveTail(t)
  await asked
  answer.resolve()
  await once(call, 'response')
  call.destroy()
  await gone
})
