/** Traffic of every kind that the metrics tell apart, so that each series that a panel may ask for has been seen. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { TestGateway } from '../support/start-gateway.ts'

interface Call {
  body: Record<string, unknown>
  /** Status of the answer. */
  status: number
}

const answered: Call[] = [
  { body: { model: 'gpt-4o', input: '/count 3' }, status: 200 },
  { body: { model: 'gpt-5-mini', input: '/reason Hm. /count 30', stream: true }, status: 200 },
  { body: { model: 'gpt-4o', input: 'Is it cached?', prompt_cache_key: 'again' }, status: 200 },
  { body: { model: 'deepseek-ai/DeepSeek-V3.2', input: '/long 40', stream: true }, status: 200 },
  // Left out, and named as an adaptation.
  { body: { model: 'gpt-4o', input: 'hi', presence_penalty: 0.5 }, status: 200 },
  // The next target answers.
  { body: { model: 'openai/gpt-oss-120b', input: '/fail 500 scaleway', stream: true }, status: 200 },
  { body: { model: 'gpt-4o', input: '/count 2', background: true }, status: 200 },
  // It tells no usage, so the gateway counts.
  { body: { model: 'scaleway/gpt-oss-120b', input: '/count 3' }, status: 200 },
]

const refused: Call[] = [
  { body: { model: 'gpt-4o', input: '/fail 500' }, status: 502 },
  { body: { model: 'nobody-has-it', input: 'hi' }, status: 404 },
  { body: { model: 'unset/model', input: 'hi' }, status: 503 },
]

/** A provider without its key: calls to it are the gateway's own errors. And a price for one that tells no usage. */
export function configureTraffic(config: Record<string, unknown>): Record<string, unknown> {
  return {
    ...config,
    providers: {
      ...(config.providers as object),
      unset: { variant: 'openai', baseUrl: 'http://127.0.0.1:9/v1', apiKey: '${NOT_SET_ANYWHERE}' },
    },
    prices: { scaleway: { 'gpt-oss-120b': [{ input: 0.25, output: 1 }] } },
  }
}

/** One round: some fifteen calls, each with the status that it must have; and a client that hangs up. */
export async function sendTraffic(gateway: TestGateway): Promise<void> {
  collectGarbage()
  await Promise.all(
    [...answered, ...refused].map(async ({ body, status }) => {
      const response = await gateway.post(body)
      const text = await response.text()
      if (response.status !== status)
        throw new Error(`${JSON.stringify(body)} was answered ${response.status}, not ${status}: ${text}`)
    }),
  )
  await hangUp(gateway)
  await gateway.admin('/admin/requests?limit=1')
  await settled(gateway)
}

/** The end of a request is counted after its client has gone. */
async function settled(gateway: TestGateway): Promise<void> {
  for (const end = performance.now() + 60_000; performance.now() < end; ) {
    const scrape = await (await fetch(`${gateway.origin}/metrics`)).text()
    if (/^dragoman_requests_in_flight 0$/m.test(scrape)) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('requests are still in flight after a minute')
}

async function hangUp(gateway: TestGateway): Promise<void> {
  const controller = new AbortController()
  const response = await fetch(`${gateway.origin}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-4o', input: '/slow 20 /count 500', stream: true }),
    signal: controller.signal,
  })
  await response.body?.getReader().read()
  controller.abort()
}

/** So few calls may leave no garbage worth collecting, and then there is no series of it. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}
