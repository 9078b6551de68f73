/** A number that no column holds is not known, and takes nothing else of its batch along. */
import assert from 'node:assert/strict'
import { openEmptyStore, testEngines } from './engines.ts'
import { makeAttempt, makeExchange, openTestLog } from './fixtures.ts'

const usageOf = (input: number) => ({
  input_tokens: input,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 2,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: input,
})

testEngines('a count past every integer leaves the rows beside it whole', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  const log = await openTestLog(store)
  t.after(() => log.close())
  for (const input of [1, 1e300, 2 ** 53, 3]) {
    const usage = usageOf(input)
    const exchange = makeExchange({ attempts: [makeAttempt({ usage })], usage })
    log.started?.(exchange)
    log.finished?.(exchange)
  }
  await log.flush()
  const rows = await engine.read(store.url, 'SELECT input_tokens, output_tokens FROM requests ORDER BY key')
  assert.deepEqual(
    rows.map((row) => [row.input_tokens, row.output_tokens]),
    [
      [1, 2],
      [null, 2],
      [null, 2],
      [3, 2],
    ],
  )
})
