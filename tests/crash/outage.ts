/** The time in which the server of the database is away, while the gateway and its clients go on. */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import type { GatewayProcess } from './gateway-process.ts'
import type { Trigger } from './killer.ts'
import type { ServerDeath, StoreServer } from './store-place.ts'

export interface OutagePlan {
  server: StoreServer
  trigger: Trigger
  /** Called when the server is down. */
  onDown(): void
}

export interface Outage {
  /** Kills the server; once. */
  begin(): void
  begun(): boolean
  /** Aborts when the gateway says that it is well again. */
  over: AbortSignal
  /** The server is there again, and the gateway, which has seen all of it, is ready. Rejects with what went wrong. */
  survived(gateway: GatewayProcess): Promise<void>
  /** The server is there again. */
  passed(): Promise<void>
}

/** Milliseconds in which the gateway has to find out that its store is back. */
const patience = 30_000

export function planOutage({ server, trigger, onDown }: OutagePlan): Outage {
  const over = new AbortController()
  const beginning = Promise.withResolvers<void>()
  let passing: Promise<void> | null = null
  async function pass(): Promise<void> {
    await server.kill(trigger.victim as ServerDeath)
    onDown()
    await pause(trigger.absence)
    await server.revive()
  }
  function begin(): void {
    passing ??= pass()
    beginning.resolve()
    passing.catch(() => over.abort())
  }
  return {
    begin,
    begun: () => passing !== null,
    over: over.signal,
    async passed() {
      begin()
      await passing
    },
    async survived(gateway) {
      await beginning.promise
      try {
        await passing
        await recover(gateway)
      } finally {
        over.abort()
      }
    },
  }
}

async function recover(gateway: GatewayProcess): Promise<void> {
  const until = performance.now() + patience
  for (;;) {
    assert.ok(!gateway.dead.aborted, `the gateway outlives its store: ${gateway.complaints()}`)
    const response = await fetch(`${gateway.origin}/readyz`)
    const text = await response.text()
    if (response.status === 200) return
    assert.ok(performance.now() < until, `the gateway is ready again: ${text}`)
    await pause(25)
  }
}
