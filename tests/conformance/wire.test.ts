/**
 * The bytes of every simulated provider, cut and chunked at any place, through the one SSE parser and the variant's
 * translator: what comes out is always legal, and what had arrived is never lost.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { loadConfig } from '../../server/config/load.ts'
import { resolveModel } from '../../server/config/resolve-model.ts'
import type { Runtime } from '../../server/config/runtime.ts'
import { type Sandbox, startSandbox } from '../../server/sandbox/index.ts'
import { createSseParser } from '../../server/upstream/sse-parser.ts'
import type {
  CanonicalEvent,
  CanonicalRequest,
  CanonicalResponse,
} from '../../translators/shared/canonical.ts'
import type { Context, UpstreamFailure } from '../../translators/shared/translator.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { variantTargets } from './targets.ts'

const tool = {
  type: 'function' as const,
  name: 'get_weather',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
}
const requests: Record<string, Omit<CanonicalRequest, 'model'>> = {
  text: { input: '/count 12' },
  'text beyond ASCII': { input: 'Grüße 你好 🙂' },
  'reasoning and text': { input: '/reason one two three', reasoning: { effort: 'low' } },
  'parallel calls': { input: '/call-all', tools: [tool, { ...tool, name: 'get_time' }] },
  incomplete: { input: '/incomplete' },
}

let sandbox: Sandbox
let runtime: Runtime
before(async () => {
  sandbox = await startSandbox()
  runtime = loadConfig({ config: sandbox.config, source: 'test' })
})
after(() => sandbox.close())

interface Outcome {
  events: CanonicalEvent[]
  final: CanonicalResponse | null
  failure: UpstreamFailure | null
}

/** Feeds `bytes` in pieces; `cut` tells a connection that broke after them. */
function translate(model: string, request: CanonicalRequest, pieces: Uint8Array[], cut: boolean): Outcome {
  const { provider, model: upstreamModel } = resolveModel(runtime, model)!.targets[0]!
  const sent = provider.translator.request(request, targetOf(provider, upstreamModel))
  assert.ok(sent.ok)
  let ids = 0
  const context: Context = {
    request,
    sent,
    options: provider.options,
    responseId: 'resp_test',
    createdAt: 1,
    echo: {},
    newId: (prefix) => `${prefix}_${ids++}`,
    now: () => 2,
    events: 'openai',
    note: () => {},
  }
  const machine = provider.translator.stream(context)
  const events: CanonicalEvent[] = []
  const parser = createSseParser({ onEvent: (event) => events.push(...machine.push(event)) })
  for (const piece of pieces) parser.push(piece)
  if (!cut) parser.end()
  events.push(...machine.end(cut ? { code: 'upstream_disconnected', message: 'cut' } : undefined))
  return { events, final: machine.final, failure: machine.failure }
}

function targetOf(
  provider: NonNullable<ReturnType<typeof resolveModel>>['targets'][0]['provider'],
  model: string,
) {
  return {
    provider: provider.id,
    model,
    baseUrl: provider.baseUrl,
    projectId: provider.projectId,
    credentials: provider.credentials,
    options: provider.options,
    unsupported: provider.unsupported,
  }
}

/** What the provider really sends for the request. */
async function record(model: string, request: CanonicalRequest): Promise<Uint8Array> {
  const { provider, model: upstreamModel } = resolveModel(runtime, model)!.targets[0]!
  const sent = provider.translator.request(request, targetOf(provider, upstreamModel))
  assert.ok(sent.ok, 'message' in sent ? sent.message : '')
  const answer = await fetch(sent.url, {
    method: 'POST',
    headers: sent.headers,
    body: JSON.stringify(sent.body),
  })
  assert.equal(answer.status, 200)
  return new Uint8Array(await answer.arrayBuffer())
}

function splitAt(bytes: Uint8Array, places: number[]): Uint8Array[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [...sorted, bytes.length].map((place, index) =>
    bytes.subarray(index === 0 ? 0 : sorted[index - 1], place),
  )
}

/** All text, reasoning and arguments that were sent as deltas. */
function deltasOf(events: CanonicalEvent[]): string {
  return events.map(({ delta }) => (typeof delta === 'string' ? delta : '')).join('')
}

for (const { variant, model, streams } of variantTargets) {
  if (!streams) continue
  describe(`the wire of ${variant}`, () => {
    for (const [name, params] of Object.entries(requests)) {
      it(`is the same however it is chunked, and legal wherever it is cut: ${name}`, async () => {
        const request: CanonicalRequest = { ...params, model, stream: true }
        const bytes = await record(model, request)
        const whole = translate(model, request, [bytes], false)
        assertLegalStream(whole.events)
        assert.ok(whole.final !== null && whole.final.status !== 'failed')
        fc.assert(
          fc.property(fc.array(fc.nat(bytes.length), { maxLength: 40 }), (places) => {
            assert.deepEqual(translate(model, request, splitAt(bytes, places), false), whole)
          }),
          { numRuns: 40 },
        )
        const deltas = deltasOf(whole.events)
        fc.assert(
          fc.property(fc.nat(bytes.length), (length) => {
            const part = translate(model, request, [bytes.subarray(0, length)], true)
            if (part.failure !== null) {
              assert.deepEqual(part.events, [])
              return
            }
            assertLegalStream(part.events)
            assert.ok(deltas.startsWith(deltasOf(part.events)))
            assert.ok(part.final?.status === 'failed' || part.final?.status === whole.final?.status)
          }),
          { numRuns: 120 },
        )
      })
    }
  })
}
