/** Calls that tests of background responses share. */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import type OpenAI from 'openai'
import type { Response } from 'openai/resources/responses/responses'
import type { AdminRequestList, AdminRequestRow } from '../../server/http/admin/contract.ts'
import { type CanonicalEvent, isObject } from '../../translators/shared/canonical.ts'

/** Asks for a response until it has this status. Fails when it ends otherwise. */
export async function pollFor(client: OpenAI, id: string, ...wanted: string[]): Promise<Response> {
  for (;;) {
    const response = await client.responses.retrieve(id)
    const status = String(response.status)
    if (wanted.includes(status)) return response
    assert.ok(
      ['queued', 'in_progress'].includes(status),
      `${status} instead of ${wanted}: ${JSON.stringify(response.error)}`,
    )
    await pause(20)
  }
}

/**
 * The rows of a response, newest first, once all of them are over: they end a moment after the response can be seen to have
 * ended, as what was used has to be counted and the run has to hear that its end is kept. Fails after a minute.
 */
export async function rowsOf(
  gateway: { admin<Shape>(path: string): Promise<Shape> },
  id: string,
): Promise<AdminRequestRow[]> {
  for (const end = performance.now() + 60_000; ; ) {
    const { data } = await gateway.admin<AdminRequestList>('/admin/requests?limit=500')
    const rows = data.filter((row) => row.response_id === id)
    const running = rows.filter(({ status }) => ['queued', 'in_progress'].includes(status))
    if (rows.length > 0 && running.length === 0) return rows
    assert.ok(performance.now() < end, `${running.length} of ${rows.length} rows of ${id} are not over`)
    await pause(20)
  }
}

/** An event stream over plain fetch, event by event; `text` is all that came. */
export class EventReader {
  text = ''
  readonly events: CanonicalEvent[] = []
  readonly response: globalThis.Response
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #decoder = new TextDecoder()

  constructor(response: globalThis.Response) {
    assert.ok(response.body)
    this.response = response
    this.#reader = response.body.getReader()
  }

  /** As its first events tell it. */
  get responseId(): string {
    const told = this.events[0]?.response
    assert.ok(isObject(told))
    return String(told.id)
  }

  /** Reads until an event of this type has come, or the stream is over. */
  async until(type: string): Promise<this> {
    while (!this.events.some((event) => event.type === type)) {
      const { done, value } = await this.#reader.read()
      if (done) break
      this.#take(this.#decoder.decode(value, { stream: true }))
    }
    return this
  }

  toEnd(): Promise<this> {
    return this.until('never')
  }

  async hangUp(): Promise<void> {
    await this.#reader.cancel()
  }

  #take(text: string): void {
    const known = this.text.lastIndexOf('\n\n') + 2
    this.text += text
    const fresh = this.text.slice(known <= 1 ? 0 : known, this.text.lastIndexOf('\n\n') + 2)
    for (const [, data] of fresh.matchAll(/^data: (\{.*)$/gm))
      this.events.push(JSON.parse(data as string) as CanonicalEvent)
  }
}

/** The kept events of a response after some sequence number. */
export async function followStream(origin: string, id: string, after = -1): Promise<EventReader> {
  const from = after < 0 ? '' : `&starting_after=${after}`
  return new EventReader(await fetch(`${origin}/v1/responses/${id}?stream=true${from}`))
}
