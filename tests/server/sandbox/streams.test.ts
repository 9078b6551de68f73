import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { after, before, test } from 'node:test'
import { type Sandbox, startSandbox } from '../../../server/sandbox/index.ts'
import type { JsonObject } from '../../../translators/shared/canonical.ts'
import { askMeanwhile, type Door, doors, post, readEvents, textOf, weatherTool } from './helpers.ts'

let sandbox: Sandbox
before(async () => {
  sandbox = await startSandbox()
})
after(() => sandbox.close())

const deltas = (events: JsonObject[], type: string) =>
  events
    .filter((event) => event.type === type)
    .map((event) => event.delta)
    .join('')

for (const door of ['sudo', 'azure', 'openai', 'local', 'augment'] as const)
  test(`${door} streams semantic events whose deltas make the final text`, async () => {
    const { text, headers } = await post(sandbox.origin, door, { input: '/count 5', stream: true })
    assert.match(headers.get('content-type') ?? '', /^text\/event-stream/)
    const events = readEvents(text)
    assert.equal(events[0]?.type, 'response.created')
    const final = events.at(-1)?.response as JsonObject
    assert.equal(events.at(-1)?.type, 'response.completed')
    assert.equal(deltas(events, 'response.output_text.delta'), '1 2 3 4 5')
    assert.equal(textOf(final), '1 2 3 4 5')
    assert.doesNotMatch(text, /\[DONE\]/)
  })

test('an unused connection stays open for longer than the gateway keeps one, which is 30 seconds', async () => {
  const { headers } = await post(sandbox.origin, 'openai', { input: 'hello' })
  const [, seconds] = headers.get('keep-alive')?.match(/^timeout=(\d+)$/) ?? []
  assert.ok(Number(seconds) > 30, `${seconds}`)
})

test('sudo sends comments and obfuscation', async () => {
  const { text } = await post(sandbox.origin, 'sudo', { input: '/count 3', stream: true })
  assert.match(text, /^: /m)
  const delta = readEvents(text).find((event) => event.type === 'response.output_text.delta')
  assert.equal(typeof delta?.obfuscation, 'string')
  assert.doesNotMatch(text, /"completed_at"/)
})

test('augment gives items finished at once, one delta, no part events', async () => {
  const { text } = await post(sandbox.origin, 'augment', {
    input: 'hello',
    metadata: { mine: '1' },
    stream: true,
  })
  const events = readEvents(text)
  assert.deepEqual(
    events.map((event) => event.type),
    [
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.completed',
    ],
  )
  const final = events.at(-1)?.response as JsonObject
  assert.deepEqual(events[2]?.item, (final.output as unknown[])[0])
  assert.notEqual(final.model, 'balanced')
  assert.equal(typeof final.created_at, 'string')
  assert.equal((final.metadata as JsonObject).mine, '1')
  assert.equal(typeof (final.metadata as JsonObject).general_augment_steps, 'number')
})

test('scaleway streams cumulative snapshots, incremental ones, or events', async () => {
  const body = { input: '/count 4', stream: true }
  const cumulative = readEvents((await post(sandbox.origin, 'scaleway', body)).text)
  assert.equal(cumulative.at(-1)?.type, '[DONE]')
  const chunks = cumulative.slice(0, -1)
  assert.ok(
    chunks.every(
      (chunk) => chunk.object === 'chat.completion' && chunk.type === undefined && !('usage' in chunk),
    ),
  )
  const texts = chunks.map(textOf)
  assert.deepEqual(texts.slice(-5), ['1 ', '1 2 ', '1 2 3 ', '1 2 3 4', '1 2 3 4'])
  assert.equal(chunks.at(-1)?.status, 'completed')

  sandbox.behaviour.scaleway.stream = 'incremental'
  const incremental = readEvents((await post(sandbox.origin, 'scaleway', body)).text).slice(0, -1)
  assert.equal(incremental.map(textOf).join(''), '1 2 3 4')

  sandbox.behaviour.scaleway.stream = 'semantic'
  const semantic = readEvents((await post(sandbox.origin, 'scaleway', body)).text)
  assert.equal(deltas(semantic, 'response.output_text.delta'), '1 2 3 4')
  assert.equal(semantic.at(-1)?.type, '[DONE]')
  sandbox.behaviour.scaleway.stream = 'cumulative'
})

test('scaleway gives function calls without an id', async () => {
  const { json } = await post(sandbox.origin, 'scaleway', { input: '/call', tools: [weatherTool] })
  const call = (json.output as JsonObject[]).find((item) => item.type === 'function_call')
  assert.equal(call?.id, null)
  assert.match(String(call?.call_id), /^call_/)
  assert.match(String(json.id), /^[0-9a-f]{8}-/)
})

test('local leaks other ids than its final object, and reasoning part events', async () => {
  const events = readEvents((await post(sandbox.origin, 'local', { input: 'hi', stream: true })).text)
  const final = events.at(-1)?.response as JsonObject
  const ids = new Set((final.output as JsonObject[]).map((item) => item.id))
  const added = events.filter((event) => event.type === 'response.output_item.added')
  assert.ok(added.length > 0 && added.every((event) => !ids.has((event.item as JsonObject).id)))
  assert.ok(events.some((event) => event.type === 'response.reasoning_part.done'))
  assert.ok(events.some((event) => event.type === 'response.output_text.delta' && event.content_index === 1))
  assert.equal(final.text, null)
})

test('sail answers in the background with 202, then by polling', async () => {
  const { status, json } = await post(sandbox.origin, 'sail', { input: '/count 2', background: true })
  assert.deepEqual([status, json.status], [202, 'pending'])
  const poll = async () => {
    const [base, headers] = doors.sail
    const response = await fetch(`${sandbox.origin}${base}/responses/${json.id}`, { headers })
    return (await response.json()) as JsonObject
  }
  assert.equal((await poll()).status, 'running')
  const done = await poll()
  assert.deepEqual([done.status, textOf(done)], ['completed', '1 2'])
})

test('sail counts both ways, dates in two ways, and has no status incomplete', async () => {
  const first = await post(sandbox.origin, 'sail', { input: '/incomplete one two three four' })
  const second = await post(sandbox.origin, 'sail', { input: 'hi' })
  assert.equal(first.json.status, 'completed')
  assert.deepEqual(first.json.incomplete_details, { reason: 'max_output_tokens' })
  assert.deepEqual(
    new Set([first, second].map(({ json }) => typeof json.created_at)),
    new Set(['number', 'string']),
  )
  const usage = second.json.usage as JsonObject
  assert.equal(usage.prompt_tokens, usage.input_tokens)
  assert.deepEqual(usage.input_tokens_details, usage.output_tokens_details)
})

test('later sail streams in full', async () => {
  sandbox.behaviour.sail.early = false
  const { text } = await post(sandbox.origin, 'sail', {
    input: '/system',
    instructions: 'Be brief.',
    stream: true,
    store: false,
  })
  sandbox.behaviour.sail.early = true
  assert.equal(deltas(readEvents(text), 'response.output_text.delta'), 'Be brief.')
  assert.match(text, /data: \[DONE\]\n\n$/)
})

test('idempotency keys: sail replays or refuses, augment conflicts', async () => {
  const sailKey = { 'idempotency-key': 'k-1' }
  const first = await post(sandbox.origin, 'sail', { input: 'hi' }, sailKey)
  const again = await post(sandbox.origin, 'sail', { input: 'hi' }, sailKey)
  assert.equal(first.json.id, again.json.id)
  const other = await post(sandbox.origin, 'sail', { input: 'ho' }, sailKey)
  assert.deepEqual([other.status, (other.json.error as JsonObject).type], [400, 'idempotency_error'])
  const key = { 'x-idempotency-key': 'k-1' }
  await post(sandbox.origin, 'augment', { input: 'hi' }, key)
  const conflict = await post(sandbox.origin, 'augment', { input: 'ho' }, key)
  assert.deepEqual(
    [conflict.status, (conflict.json.detail as JsonObject).code],
    [409, 'idempotency_key_conflict'],
  )
  const { first: slow, meanwhile: early } = await askMeanwhile(sandbox, 'augment', 'x-idempotency-key')
  assert.deepEqual(
    [early.status, (early.json.detail as JsonObject).code],
    [409, 'idempotency_key_in_progress'],
  )
  assert.equal(slow.status, 200)
})

test('stored responses continue at azure and openai', async () => {
  for (const door of ['azure', 'openai'] as const) {
    const { json } = await post(sandbox.origin, door, { input: 'remember me' })
    const next = await post(sandbox.origin, door, { input: '/history', previous_response_id: json.id })
    assert.match(textOf(next.json), /^user: remember me\nassistant: You said: remember me/)
    const lost = await post(sandbox.origin, door, { input: 'x', previous_response_id: 'resp_lost' })
    assert.deepEqual(
      [lost.status, (lost.json.error as JsonObject).code],
      [400, 'previous_response_not_found'],
    )
  }
})

test('a failure in mid-stream is told in each provider’s way', async () => {
  const last = async (door: Door) => {
    const { text } = await post(sandbox.origin, door, { input: '/fail-midstream a b c d e', stream: true })
    return { text, types: readEvents(text).map((event) => event.type) }
  }
  for (const door of ['sudo', 'azure', 'openai'] as const)
    assert.deepEqual((await last(door)).types.slice(-2), ['error', 'response.failed'], door)
  assert.equal((await last('augment')).types.at(-1), 'response.failed')
  assert.match((await last('scaleway')).text, /"InternalServerError"[^\n]*\n\ndata: \[DONE\]\n\n$/)
  assert.match((await last('local')).text, /data: \{"error":[^\n]*\n\n$/)
  const sail = await post(sandbox.origin, 'sail', { input: '/fail-midstream' })
  assert.deepEqual([sail.status, sail.json.status], [200, 'failed'])
})

test('a cut stream ends without an end', async () => {
  const [base, headers, model] = doors.openai
  for (const stream of [true, false]) {
    const response = await fetch(`${sandbox.origin}${base}/responses`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ model, input: '/cut a b c d e f', stream }),
    })
    assert.equal(response.status, 200)
    let text = ''
    await assert.rejects(async () => {
      for await (const chunk of response.body!) text += Buffer.from(chunk).toString()
    })
    assert.match(text, stream ? /output_text\.delta/ : /^\{"id"/)
    assert.equal(sandbox.requests.at(-1)?.aborted, false)
  }
})

test('a client that hangs up is noticed, and the stream stops', async () => {
  const [base, headers, model] = doors.openai
  const call = httpRequest(`${sandbox.origin}${base}/responses`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
  })
  call.end(JSON.stringify({ model, input: '/slow 20 /long 5000', stream: true }))
  const [response] = await once(call, 'response')
  await once(response, 'data')
  const record = sandbox.requests.at(-1)!
  response.destroy()
  while (!record.aborted) await new Promise((resolve) => setImmediate(resolve))
  const written = record.events
  await new Promise((resolve) => setTimeout(resolve, 60))
  assert.ok(record.events <= written + 1)
  assert.ok(written < 5000)
})

test('a slow client holds the stream back', async () => {
  const [base, headers, model] = doors.openai
  const call = httpRequest(`${sandbox.origin}${base}/responses`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
  })
  call.end(JSON.stringify({ model, input: '/long 200000', stream: true }))
  const [response] = await once(call, 'response')
  const record = sandbox.requests.at(-1)!
  let seen = -1
  while (seen !== record.events) {
    seen = record.events
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.ok(seen > 0 && seen < 200_000, `${seen} events were written to a client that reads nothing`)
  response.destroy()
})
