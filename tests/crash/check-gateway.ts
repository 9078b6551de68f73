/** What a gateway may say, and what it must say of itself, after its store was away. */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import type { GatewayProcess } from './gateway-process.ts'

/** Nothing at all; or, once its store was away, of nothing but that. */
export function assertComplaints(gateway: GatewayProcess, isTroubled: boolean): void {
  const lines = gateway.complaints().split('\n').filter(Boolean)
  if (!isTroubled) assert.deepEqual(lines, [], 'the gateway has nothing to complain about')
  for (const line of lines) {
    const { error } = JSON.parse(line) as { error?: string }
    assert.match(
      error ?? '',
      /^(?:StoreError|GatewayError: The store)/,
      `the gateway complains of its store alone: ${line}`,
    )
  }
}

/** Nothing of the record was lost, and nothing waits to be written any more. */
export async function checkGateway({ origin }: GatewayProcess): Promise<void> {
  for (;;) {
    const text = await (await fetch(`${origin}/metrics`)).text()
    const read = (name: string) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1])
    assert.equal(read('dragoman_log_rows_dropped_total'), 0, 'no row of the log is lost')
    assert.equal(read('dragoman_store_healthy'), 1)
    if (read('dragoman_log_rows_queued') === 0) return
    await pause(50)
  }
}
