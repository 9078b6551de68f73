/** The newest requests of a made store, with bodies: written as the gateway writes them. */
import type { KeptText, RequestRecord } from '../../../server/store/log/records.ts'
import type { Store } from '../../../server/store/store.ts'
import { createRandom, type Random } from '../../crash/random.ts'
import { createJsonAnswer, createRequestBody } from '../payloads.ts'
import { type MadeRow, makeRows } from './rows.ts'

const rowsOfBatch = 100

/** Writes `count` requests that came within the last minutes before `now` (Unix milliseconds). */
export async function writeDocuments(store: Store, now: number, count: number): Promise<void> {
  await store.setFilter({
    module: new URL('../../../server/telemetry/redact.ts', import.meta.url).href,
    settings: { secrets: ['sk-nobody-has-this-key'] },
  })
  const random = createRandom(2)
  let batch = store.startBatch()
  for (const row of makeRows({ rows: count, now, days: 0.02, seed: 2 })) {
    batch.add(makeRecord({ ...row, key: store.nextKey(row.created_at) }, random))
    if (batch.rows < rowsOfBatch) continue
    await store.writeRequests(batch.take())
    batch = store.startBatch()
  }
  if (batch.rows > 0) await store.writeRequests(batch.take())
}

function makeRecord({ key, ...row }: MadeRow, random: Random): RequestRecord {
  const request = createRequestBody('mock', false).replace(
    'A gateway',
    `zebra${random.integer(1, 500)} A gateway`,
  )
  const texts = [request, request, createJsonAnswer(), createJsonAnswer()]
  const kinds = ['client_request', 'upstream_request', 'upstream_response', 'client_response'] as const
  const head = {
    user_agent: 'bench',
    client_address: '127.0.0.1',
    attempts: [],
    messages: kinds.map((kind, index) => ({
      kind,
      attempt: kind.startsWith('client') ? 0 : 1,
      headers: { 'content-type': 'application/json' },
      bytes: Buffer.byteLength(texts[index] as string),
      truncated: false,
    })),
  }
  return {
    key,
    row,
    secrets: [],
    document: {
      head: JSON.stringify(head),
      texts: texts.map((text): KeptText => ({ chunks: [text], truncated: false })),
      keeping: { maxBodyBytes: 1_048_576, media: true, search: true },
      ids: [`msg_${row.id.slice(4)}`],
    },
  }
}
