import type { Sandbox } from '../../../server/sandbox/index.ts'
import type { JsonObject } from '../../../translators/shared/canonical.ts'

/** Path and credentials of each simulated provider. */
export const doors = {
  sail: ['/sail/v1', { authorization: 'Bearer sandbox-sail-key' }, 'deepseek-ai/DeepSeek-V3.2'],
  sudo: ['/sudo/api/v1', { authorization: 'Bearer sandbox-sudo-key' }, 'gpt-4o'],
  scaleway: ['/scaleway/p-1/v1', { authorization: 'Bearer sandbox-scaleway-key' }, 'gpt-oss-120b'],
  augment: ['/augment/v1', { 'x-admin-key': 'sandbox-augment-admin-key', 'x-project-id': 'p-2' }, 'balanced'],
  azure: ['/azure/openai/v1', { authorization: 'Bearer sandbox-azure-key' }, 'gpt-5.2'],
  openai: ['/openai/v1', { authorization: 'Bearer sandbox-openai-key' }, 'gpt-5.2'],
  local: ['/open-responses/v1', { authorization: 'Bearer sandbox-local-key' }, 'openai/gpt-oss-20b'],
} as const satisfies Record<string, readonly [string, Record<string, string>, string]>

export type Door = keyof typeof doors

export interface Answer {
  status: number
  headers: Headers
  text: string
  /** Parsed, or null when it is no JSON. */
  json: JsonObject
}

/** Posts a request to one provider; `model` is filled in, headers may be replaced. */
export async function post(
  origin: string,
  door: Door,
  body: JsonObject,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const [base, credentials, model] = doors[door]
  const response = await fetch(`${origin}${base}/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...credentials, ...headers },
    body: JSON.stringify({ model, ...body }),
  })
  const text = await response.text()
  let json = null
  try {
    json = JSON.parse(text)
  } catch {
    json = null
  }
  return { status: response.status, headers: response.headers, text, json: json as JsonObject }
}

/**
 * Posts a request that takes long, and the same once more under the same key (in the header `name`) before the first is
 * answered. A machine that was away for so long gets one that takes longer.
 */
export async function askMeanwhile(
  sandbox: Sandbox,
  door: Door,
  name: string,
): Promise<{ first: Answer; meanwhile: Answer }> {
  for (let milliseconds = 300; ; milliseconds *= 4) {
    const key = { [name]: `slow-${milliseconds}` }
    const body = { input: `/slow ${milliseconds} hi` }
    let isAnswered = false
    const asked = post(sandbox.origin, door, body, key).finally(() => {
      isAnswered = true
    })
    const isThere = () => sandbox.requests.some(({ headers }) => headers[name] === key[name])
    while (!isThere()) await new Promise((resolve) => setImmediate(resolve))
    const meanwhile = await post(sandbox.origin, door, body, key)
    const isInTime = !isAnswered
    const first = await asked
    if (isInTime) return { first, meanwhile }
  }
}

/** The data of each event of a stream, `[DONE]` as that word. */
export function readEvents(text: string): JsonObject[] {
  return text
    .split('\n\n')
    .map((block) =>
      block
        .split('\n')
        .find((line) => line.startsWith('data: '))
        ?.slice(6),
    )
    .filter((data) => data !== undefined)
    .map((data) => (data === '[DONE]' ? { type: '[DONE]' } : JSON.parse(data)))
}

/** All output text of a response object of any provider. */
export function textOf(response: JsonObject): string {
  const output = Array.isArray(response.output) ? response.output : []
  const parts = output.flatMap((item) => (item.type === 'message' ? item.content : []))
  return parts.map((part) => part.text ?? part.refusal ?? '').join('')
}

export const weatherTool = {
  type: 'function',
  name: 'get_weather',
  description: 'The weather of a city.',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 2 } },
    required: ['city', 'days'],
    additionalProperties: false,
  },
  strict: true,
}
