/** A database that goes away: what the process says of it while nobody asks for anything. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createLogger } from '../../server/telemetry/logger.ts'
import { createDatabase, startServer } from '../support/postgres.ts'
import { startGateway } from '../support/start-gateway.ts'

test('an outage is told once in its own words, and its end once', async (t) => {
  const server = await startServer()
  t.after(() => server.close())
  const url = await createDatabase(t, server)
  const lines: { level: string; msg: string }[] = []
  const logger = createLogger({
    level: 'info',
    pretty: false,
    stream: { write: (line) => lines.push(JSON.parse(line) as { level: string; msg: string }) },
  })
  const gateway = await startGateway({ logger, configure: (config) => ({ ...config, store: { url } }) })
  t.after(() => gateway.close())
  const told = (words: RegExp) => lines.filter(({ msg }) => words.test(msg)).length
  await server.stop()
  while (told(/background jobs wait/) === 0) await pause(50)
  // Several looks of each of those that look.
  await pause(4500)
  assert.equal(told(/background jobs wait/), 1)
  assert.equal(told(/request failed unexpectedly/), 0)
  await server.start()
  while (told(/background jobs go on/) === 0) await pause(50)
  assert.equal(told(/background jobs/), 2)
  const response = await gateway.post({ model: 'gpt-5-mini', input: 'hi' })
  assert.equal(response.status, 200, await response.text())
})

test('a configuration that is wrong fails the start of a test gateway at once', async () => {
  await assert.rejects(
    startGateway({ configure: (config) => ({ ...config, listen: { port: 'x' } }) }),
    /port/,
  )
})
