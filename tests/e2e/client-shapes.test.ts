/**
 * What real clients send, as recorded from the packages themselves (long texts shortened, tools beyond two of a kind
 * left out, the model replaced): every variant takes each body, and answers as that client needs it.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { AdminRequest } from '../../server/http/admin/contract.ts'
import type { CanonicalResponse, JsonObject } from '../../translators/shared/canonical.ts'
import { variantTargets } from '../conformance/targets.ts'
import { assertLegalStream, assertResponse } from '../support/legal-stream.ts'
import { readEvents } from '../support/read-stream.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

interface Recording {
  client: string
  headers: Record<string, string>
  body: JsonObject & { input: JsonObject[] }
}

const folder = join(import.meta.dirname, 'fixtures/clients')
const recordings = new Map(
  readdirSync(folder).map((file) => [
    file.replace('.json', ''),
    JSON.parse(readFileSync(join(folder, file), 'utf8')) as Recording,
  ]),
)

function recordingOf(name: string): Recording {
  const recording = recordings.get(name)
  assert.ok(recording, `${name}.json is there`)
  return recording
}

let gateway: TestGateway
/** `encrypted_content` as clients have it of an earlier turn. */
let encrypted: string
before(async () => {
  gateway = await startGateway()
  const turn = { model: 'openai/gpt-5.2', input: '/reason', include: ['reasoning.encrypted_content'] }
  const { output } = (await (await gateway.post(turn)).json()) as CanonicalResponse
  encrypted = String(output.find(({ type }) => type === 'reasoning')?.encrypted_content)
  assert.match(encrypted, /^dgm1\./)
})
after(() => gateway.close())

function send({ headers, body }: Recording, changes: JsonObject): Promise<Response> {
  const input = body.input.map((item) =>
    typeof item.encrypted_content === 'string' ? { ...item, encrypted_content: encrypted } : item,
  )
  return gateway.post({ ...body, input, ...changes }, headers)
}

async function finalOf(answer: Response): Promise<CanonicalResponse> {
  const text = await answer.text()
  assert.equal(answer.status, 200, text.slice(0, 300))
  return assertLegalStream(readEvents(text))
}

/** What the provider got. */
async function upstreamBody(answer: Response): Promise<JsonObject> {
  const row = await gateway.admin<AdminRequest>(`/admin/requests/${answer.headers.get('x-request-id')}`)
  return JSON.parse(row.upstream_request?.body.text ?? '') as JsonObject
}

for (const [name, recording] of recordings) {
  if (name === 'ai-sdk-references') continue
  describe(`${recording.client}: ${name}`, () => {
    for (const { variant, model } of variantTargets) {
      it(`is served by ${variant}, as a stream and as JSON alike`, async () => {
        const final = await finalOf(await send(recording, { model, stream: true }))
        const answer = await send(recording, { model, stream: false })
        assert.equal(answer.status, 200)
        const response = assertResponse(await answer.json(), 'completed')
        assert.ok(response.output_text)
        assert.equal(response.output_text, final.output_text)
        assert.deepEqual(
          response.output.map(({ type }) => type),
          final.output.map(({ type }) => type),
        )
        const tools = (recording.body.tools ?? []) as JsonObject[]
        assert.deepEqual(
          response.tools.map((tool) => tool.name ?? tool.type),
          tools.map((tool) => tool.name ?? tool.type),
          'the tools are echoed as they were asked for',
        )
        for (const tool of response.tools)
          if (tool.type === 'function')
            for (const member of ['name', 'description', 'parameters', 'strict'])
              assert.ok(member in tool, member)
      })
    }
  })
}

describe('Codex', () => {
  const models = variantTargets.map(({ model }) => model)

  it('gets its namespaces back, whatever the provider was sent', async () => {
    for (const model of models) {
      const recording = recordingOf('codex-namespace')
      const namespace = (recording.body.tools as JsonObject[]).find(({ type }) => type === 'namespace')
      const [inner] = (namespace?.tools ?? []) as JsonObject[]
      const upstream = model.startsWith('openai/') ? inner?.name : `${namespace?.name}__${inner?.name}`
      const input = [{ role: 'user', content: `/call ${upstream} {}` }]
      const final = await finalOf(await send(recording, { model, input }))
      const call = final.output.find(({ type }) => type === 'function_call')
      assert.equal(call?.name, inner?.name, model)
      assert.equal(call?.namespace, namespace?.name, model)
    }
  })
  it('has what tools told unasked passed on as a message, and named', async () => {
    for (const model of models) {
      const answer = await send(recordingOf('codex-goal'), { model })
      await answer.text()
      assert.match(
        answer.headers.get('x-dragoman-adaptations') ?? '',
        /mapped:input=an output without call_id/,
      )
    }
  })
  it('keeps its turn with 17 KB of instructions and a body of 40 KB', async () => {
    const recording = recordingOf('codex-namespace')
    const developer = {
      type: 'message',
      id: 'msg_d',
      role: 'developer',
      content: [{ type: 'input_text', text: 'Be brief. '.repeat(4000) }],
    }
    for (const model of models)
      await finalOf(await send(recording, { model, input: [developer, ...recording.body.input] }))
  })
  it('has tools that a provider does not know dropped by name, never refused', async () => {
    const answer = await send(recordingOf('codex-namespace'), { model: 'scaleway/gpt-oss-120b' })
    const adaptations = answer.headers.get('x-dragoman-adaptations') ?? ''
    await answer.text()
    for (const part of [
      'dropped:tools.builtin=web_search',
      'mapped:tools.namespace',
      'dropped:client_metadata',
    ])
      assert.ok(adaptations.includes(part), `${part} in ${adaptations}`)
  })
})

describe('the AI SDK', () => {
  it('refers to items of earlier turns, which every provider is sent whole', async () => {
    for (const { model } of variantTargets) {
      const first = await gateway.post({ model, input: 'Which one was it?' })
      const earlier = ((await first.json()) as CanonicalResponse).output.at(-1)
      const { body, headers } = recordingOf('ai-sdk-references')
      const input = body.input.map((item) =>
        item.type === 'item_reference' ? { ...item, id: earlier?.id } : item,
      )
      const answer = await gateway.post({ ...body, model, input, stream: false }, headers)
      assert.equal(answer.status, 200)
      assert.match(answer.headers.get('x-dragoman-adaptations') ?? '', /emulated:input\.item_reference/)
      assert.match(JSON.stringify((await upstreamBody(answer)).input), /Which one was it/)
    }
  })
  it('may send tool_choice without tools, which strict providers never see', async () => {
    for (const model of ['sail/deepseek-ai/DeepSeek-V3.2', 'scaleway/gpt-oss-120b']) {
      const body = { model, input: '/count 2', tool_choice: 'auto', tools: [], parallel_tool_calls: true }
      const answer = await gateway.post(body)
      assert.equal(answer.status, 200)
      const sent = await upstreamBody(answer)
      for (const field of ['tool_choice', 'tools', 'parallel_tool_calls'])
        assert.ok(!(field in sent), `${field} is left out for ${model}`)
    }
  })
})

describe('coding agents', () => {
  it('have more output tokens than the provider gives clamped and named', async () => {
    for (const name of ['opencode-tools', 'pi-tools']) {
      const answer = await send(recordingOf(name), { model: 'augment/balanced' })
      assert.match(answer.headers.get('x-dragoman-adaptations') ?? '', /clamped:max_output_tokens=8000/)
      const final = await finalOf(answer)
      assert.equal(final.max_output_tokens, recordingOf(name).body.max_output_tokens)
    }
  })
})

describe('LlamaIndex', () => {
  it('sends an empty user, which no provider gets', async () => {
    for (const { model } of variantTargets) {
      const answer = await send(recordingOf('llamaindex-tools'), { model })
      assert.equal(answer.status, 200)
      assert.doesNotMatch(answer.headers.get('x-dragoman-adaptations') ?? '', /:(?:user|safety_identifier)/)
      const sent = await upstreamBody(answer)
      for (const field of ['user', 'safety_identifier']) assert.ok(!(field in sent), `${field} at ${model}`)
    }
  })
})
