/** Numbers that no engine can hold are refused by name, and are no failure of the store. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDatabase } from '../support/postgres.ts'
import { startGateway } from '../support/start-gateway.ts'

const numbers = ['total_tokens', 'input_tokens', 'output_tokens', 'latency_ms', 'ttft_ms']

for (const engine of ['sqlite', 'postgres']) {
  test(`${engine}: filters take every number that can be kept, and refuse what cannot`, async (t) => {
    const url = engine === 'postgres' ? await createDatabase(t) : null
    const gateway = await startGateway({
      configure: (config) => (url === null ? config : { ...config, store: { url } }),
    })
    t.after(() => gateway.close())
    const parameters = numbers.flatMap((name) => [`min_${name}`, `max_${name}`])
    for (const name of parameters) {
      for (const value of ['9223372036854775808', '9'.repeat(30), '9'.repeat(320)]) {
        const response = await fetch(`${gateway.origin}/admin/requests?${name}=${value}`)
        const { error } = (await response.json()) as { error: { param: string; message: string } }
        assert.equal(response.status, 400, `${name}=${value}`)
        assert.equal(error.param, name)
        assert.match(error.message, /from 0 to \d+/)
      }
      const most = name.endsWith('_ms') ? '1000000000000' : String(Number.MAX_SAFE_INTEGER)
      const response = await fetch(`${gateway.origin}/admin/requests?${name}=${most}`)
      assert.equal(response.status, 200, `${name}=${most}: ${await response.text()}`)
    }
  })
}
