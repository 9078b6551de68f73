/** The HTTP surface as clients meet it: who gets in, what is refused and how, and what the answers carry. */
import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { after, before, describe, it } from 'node:test'
import type { AdminRequest, AdminRequestList } from '../../server/http/admin/contract.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

interface ErrorAnswer {
  error: { message: string; type: string; param: string | null; code: string | null }
}
async function errorOf(answer: Response): Promise<ErrorAnswer['error']> {
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
  assert.ok(answer.headers.get('x-request-id'))
  const body = (await answer.json()) as ErrorAnswer
  assert.deepEqual(Object.keys(body), ['error'])
  assert.deepEqual(Object.keys(body.error).sort(), ['code', 'message', 'param', 'type'])
  return body.error
}

describe('open gateway', () => {
  let gateway: TestGateway
  before(async () => {
    gateway = await startGateway({
      configure: (config) => ({
        ...config,
        limits: { bodyBytes: 4096 },
        providers: {
          ...(config.providers as object),
          dark: { variant: 'openai', baseUrl: 'http://127.0.0.1:1/v1', apiKey: '${UNSET_KEY}' },
        },
        models: {
          ...(config.models as object),
          'dark/model': { targets: [{ provider: 'dark', model: 'x' }] },
        },
      }),
    })
  })
  after(() => gateway.close())

  it('says who answered, what was changed, how long it took, and under which id', async () => {
    const answer = await gateway.post(
      { model: 'balanced', input: '/count 2', max_output_tokens: 9000, presence_penalty: 0.5 },
      { 'x-request-id': 'order-66' },
    )
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('x-request-id'), 'order-66')
    assert.equal(answer.headers.get('x-dragoman-provider'), 'augment')
    assert.equal(answer.headers.get('x-dragoman-upstream-model'), 'balanced')
    const adaptations = answer.headers.get('x-dragoman-adaptations') ?? ''
    assert.equal(adaptations, 'clamped:max_output_tokens=8000, dropped:presence_penalty')
    assert.match(answer.headers.get('server-timing') ?? '', /gateway;dur=/)
    const body = (await answer.json()) as Record<string, unknown>
    assert.equal(body.model, 'balanced')
    assert.equal(body.max_output_tokens, 9000)
    const row = await gateway.admin<AdminRequest>('/admin/requests/order-66')
    assert.equal(row.response_id, body.id)
    assert.ok(
      row.adaptations.some(({ field, action }) => field === 'presence_penalty' && action === 'dropped'),
    )
  })
  it('keeps two requests apart that came with the same x-request-id', async () => {
    const ids = new Set<string>()
    for (const input of ['/count 1', '/count 2']) {
      const answer = await gateway.post({ model: 'gpt-4o', input }, { 'x-request-id': 'twice' })
      ids.add(((await answer.json()) as { id: string }).id)
    }
    assert.equal(ids.size, 2)
    for (const id of ids) {
      assert.equal((await gateway.admin<AdminRequest>(`/admin/requests/${id}`)).response_id, id)
    }
  })
  it('refuses what a provider cannot take where that is asked', async () => {
    const body = { model: 'balanced', input: 'hi', presence_penalty: 0.5 }
    const answer = await gateway.post(body, { 'x-dragoman-unsupported': 'reject' })
    assert.equal(answer.status, 400)
    const error = await errorOf(answer)
    assert.equal(error.param, 'presence_penalty')
    assert.match(error.message, /presence_penalty/)
    const wrong = await gateway.post(body, { 'x-dragoman-unsupported': 'perhaps' })
    assert.equal((await errorOf(wrong)).param, 'x-dragoman-unsupported')
  })
  it('spells reasoning events as asked', async () => {
    const body = { model: 'gpt-5-mini', input: '/reason deep', reasoning: { effort: 'high' }, stream: true }
    const usual = await (await gateway.post(body)).text()
    assert.doesNotMatch(usual, /event: response\.reasoning\.delta/)
    const specified = await (
      await gateway.post({ ...body, model: 'openai/gpt-oss-20b' }, { 'x-dragoman-events': 'open-responses' })
    ).text()
    assert.match(specified, /event: response\.reasoning\.delta/)
    assert.doesNotMatch(specified, /reasoning_text\.delta/)
  })
  it('goes on to the next target when the first fails before any output', async () => {
    for (const stream of [false, true]) {
      const answer = await gateway.post({ model: 'openai/gpt-oss-120b', input: '/fail 503 scaleway', stream })
      assert.equal(answer.status, 200)
      assert.equal(answer.headers.get('x-dragoman-provider'), 'sail')
      await answer.text()
    }
    const { data } = await gateway.admin<AdminRequestList>(
      '/admin/requests?model=openai/gpt-oss-120b&limit=1',
    )
    assert.equal(data[0]?.provider, 'sail')
    assert.ok((data[0]?.attempts ?? 0) >= 2)
  })
  it('answers with the one error of the last target when none can', async () => {
    const answer = await gateway.post({ model: 'gpt-4o', input: '/fail 429' })
    assert.equal(answer.status, 429)
    assert.ok(answer.headers.get('retry-after'))
    assert.equal((await errorOf(answer)).type, 'rate_limit_error')
  })
  it('never shows a refused provider key as the client’s fault', async () => {
    const answer = await gateway.post({ model: 'gpt-4o', input: '/fail 401' })
    assert.equal(answer.status, 502)
    assert.equal((await errorOf(answer)).code, 'upstream_authentication_failed')
  })
  it('refuses state that it does not hold', async () => {
    const refused: [Record<string, unknown>, number, string][] = [
      [{ previous_response_id: 'resp_1' }, 400, 'previous_response_id'],
      [{ conversation: 'conv_1' }, 404, 'conversation'],
      [{ previous_response_id: 'resp_1', conversation: 'conv_1' }, 400, 'previous_response_id'],
      [{ background: true, store: false }, 400, 'store'],
      [{ input: [{ type: 'item_reference', id: 'msg_1' }] }, 400, 'input[0].id'],
    ]
    for (const [change, status, param] of refused) {
      const answer = await gateway.post({ model: 'gpt-4o', input: 'hi', ...change })
      assert.equal(answer.status, status)
      assert.equal((await errorOf(answer)).param, param)
    }
  })
  it('keeps responses unless told otherwise, and says which', async () => {
    for (const store of [undefined, true, false]) {
      const answer = await gateway.post({ model: 'gpt-5-mini', input: 'hi', store })
      const { id, store: kept } = (await answer.json()) as { id: string; store: boolean }
      assert.equal(kept, store ?? true)
      assert.equal((await fetch(`${gateway.origin}/v1/responses/${id}`)).status, kept ? 200 : 404)
    }
  })
  it('names what is wrong with a request', async () => {
    const wrong: [string | object, Record<string, string>, number, string | null][] = [
      ['{"model": "gpt-4o", "input": }', {}, 400, null],
      ['', {}, 400, null],
      [{ model: 'gpt-4o', input: 'hi' }, { 'content-type': 'text/plain' }, 415, null],
      [{ input: 'hi' }, {}, 400, 'model'],
      [{ model: 'gpt-4o', input: 'hi', temperature: 3 }, {}, 400, 'temperature'],
      [{ model: 'nothing/like-it', input: 'hi' }, {}, 404, 'model'],
      [{ model: 'dark/model', input: 'hi' }, {}, 503, 'model'],
      [{ model: 'gpt-4o', input: 'x'.repeat(5000) }, {}, 413, null],
    ]
    for (const [body, headers, status, param] of wrong) {
      const answer = await gateway.post(body, headers)
      assert.equal(answer.status, status, JSON.stringify(body).slice(0, 60))
      assert.equal((await errorOf(answer)).param, param)
    }
    const broken = await errorOf(await gateway.post('{"model": "gpt-4o",\n "input": }'))
    assert.match(broken.message, /line 2, column 11/)
    const dark = await gateway.post({ model: 'dark/model', input: 'hi' })
    assert.equal(dark.headers.get('x-should-retry'), 'false')
    assert.equal((await errorOf(dark)).code, 'provider_not_configured')
  })
  it('gives a row to requests that never reached a provider', async () => {
    await gateway.post('{', { 'x-request-id': 'broken-json' })
    const row = await gateway.admin<AdminRequest>('/admin/requests/broken-json')
    assert.equal(row.status, 'failed')
    assert.equal(row.http_status, 400)
    assert.equal(row.error?.code, 'invalid_json')
    assert.equal(row.error?.origin, 'client')
    await gateway.post({ model: 'gpt-4o', input: 'x', temperature: 9 }, { 'x-request-id': 'too-hot' })
    assert.equal((await gateway.admin<AdminRequest>('/admin/requests/too-hot')).model, 'gpt-4o')
    assert.equal(row.client_request?.body.text, '{')
    assert.equal(row.total_tokens, null)
    assert.match(row.client_response?.body.text ?? '', /not valid JSON/)
  })
  it('stops the provider when the client hangs up', async (t) => {
    const client = httpRequest(`${gateway.origin}/v1/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': 'hung-up' },
    })
    client.on('error', () => {})
    client.end(JSON.stringify({ model: 'gpt-5-mini', input: '/slow 20 /count 500', stream: true }))
    await new Promise<void>((resolve) =>
      client.on('response', (answer) =>
        answer.on('data', (chunk) => {
          if (String(chunk).includes('output_text.delta')) resolve()
        }),
      ),
    )
    client.destroy()
    const recorded = () =>
      gateway.sandbox.requests.findLast((entry) => JSON.stringify(entry.body).includes('/count 500'))
    await t.waitFor(() => assert.equal(recorded()?.aborted, true), { timeout: 60_000 })
    // What had come is counted before the request is over.
    const row = await t.waitFor(
      async () => {
        const found = await gateway.admin<AdminRequest>('/admin/requests/hung-up')
        assert.equal(found.status, 'cancelled')
        return found
      },
      { timeout: 60_000 },
    )
    assert.equal(row.http_status, 499)
    assert.equal(row.usage_source, 'estimated')
    assert.ok((row.output_tokens ?? 0) > 0)
  })
  it('lists models and finds them with their slashes encoded or plain', async () => {
    const list = (await (await fetch(`${gateway.origin}/v1/models`)).json()) as {
      object: string
      data: { id: string }[]
    }
    const ids = list.data.map(({ id }) => id)
    assert.equal(list.object, 'list')
    assert.ok(ids.includes('deepseek-ai/DeepSeek-V3.2'))
    assert.ok(!ids.includes('dark/model'), 'a model without a provider is not offered')
    for (const path of [
      'deepseek-ai/DeepSeek-V3.2',
      'deepseek-ai%2FDeepSeek-V3.2',
      'gpt-4o',
      'sail/org/name',
    ]) {
      const answer = await fetch(`${gateway.origin}/v1/models/${path}`)
      assert.equal(answer.status, 200, path)
      assert.equal(((await answer.json()) as { id: string }).id, decodeURIComponent(path))
    }
    const missing = await fetch(`${gateway.origin}/v1/models/none/such`)
    assert.equal(missing.status, 404)
    assert.equal((await errorOf(missing)).code, 'model_not_found')
  })
  it('tells wrong paths and methods apart', async () => {
    const nowhere = await fetch(`${gateway.origin}/v1/nowhere`)
    assert.equal(nowhere.status, 404)
    assert.equal((await errorOf(nowhere)).code, 'not_found')
    const method = await fetch(`${gateway.origin}/v1/responses`)
    assert.equal(method.status, 405)
    assert.equal(method.headers.get('allow'), 'POST')
    const models = await fetch(`${gateway.origin}/v1/models`, { method: 'POST' })
    assert.equal(models.status, 405)
  })
  it('is scraped, asked for its health, and describes its configuration', async () => {
    const metrics = await (await fetch(`${gateway.origin}/metrics`)).text()
    assert.match(metrics, /^gen_ai_client_operation_duration_seconds_count/m)
    assert.match(metrics, /^dragoman_requests_total\{/m)
    assert.equal((await fetch(`${gateway.origin}/healthz`)).status, 200)
    assert.equal((await fetch(`${gateway.origin}/readyz`)).status, 200)
    const schema = (await (await fetch(`${gateway.origin}/config.schema.json`)).json()) as {
      properties: object
    }
    assert.ok('providers' in schema.properties)
  })
  it('names a wrong parameter of the admin API', async () => {
    for (const [query, param] of [
      ['limit=0', 'limit'],
      ['before=nonsense', 'before'],
      ['colour=red', 'colour'],
    ]) {
      const answer = await fetch(`${gateway.origin}/admin/requests?${query}`)
      assert.equal(answer.status, 400, query)
      assert.equal((await errorOf(answer)).param, param)
    }
    assert.equal((await fetch(`${gateway.origin}/admin/requests/none`)).status, 404)
  })
  it('pages through the record from the newest to the oldest', async () => {
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page: AdminRequestList = await gateway.admin(
        `/admin/requests?limit=5${cursor === null ? '' : `&before=${cursor}`}`,
      )
      seen.push(...page.data.map(({ id }) => id))
      cursor = page.next
    } while (cursor !== null)
    const whole = await gateway.admin<AdminRequestList>('/admin/requests?limit=500')
    assert.deepEqual(
      seen,
      whole.data.map(({ id }) => id),
    )
    assert.ok(seen.length > 10)
  })
})

describe('gateway with keys', () => {
  let gateway: TestGateway
  const acme = { authorization: 'Bearer acme-key-123456' }
  const admin = { 'x-admin-key': 'admin-key-123456' }
  before(async () => {
    gateway = await startGateway({
      configure: (config) => ({
        ...config,
        admin: { key: '${ADMIN}' },
        projects: {
          acme: { name: 'Acme', keys: ['${ACME}'], upstream: { scaleway: { projectId: 'acme-scw' } } },
          other: { name: 'Other', keys: [{ name: 'ci', key: 'other-key-123456', unsupported: 'reject' }] },
        },
      }),
      env: { ADMIN: 'admin-key-123456', ACME: 'acme-key-123456' },
    })
  })
  after(() => gateway.close())
  const hello = { model: 'gpt-4o', input: '/count 1' }

  it('lets project keys in and nobody else', async () => {
    assert.equal((await gateway.post(hello, acme)).status, 200)
    for (const headers of [
      {},
      { authorization: 'Bearer wrong' },
      { authorization: 'acme-key-123456 ' },
      { 'x-admin-key': 'wrong' },
    ]) {
      const answer = await gateway.post(hello, headers as Record<string, string>)
      assert.equal(answer.status, 401)
      assert.equal((await errorOf(answer)).type, 'authentication_error')
    }
    assert.equal((await fetch(`${gateway.origin}/v1/models`)).status, 401)
  })
  it('holds a key to its project and lets the admin key call for any', async () => {
    assert.equal((await gateway.post(hello, { ...acme, 'x-project-id': 'acme' })).status, 200)
    assert.equal((await gateway.post(hello, { ...acme, 'x-project-id': 'other' })).status, 403)
    assert.equal((await gateway.post(hello, { ...admin, 'x-project-id': 'other' })).status, 200)
    const unknown = await gateway.post(hello, { ...admin, 'x-project-id': 'nobody' })
    assert.equal(unknown.status, 404)
  })
  it('calls the provider under the project that the caller’s maps to', async () => {
    const ask = { model: 'openai/gpt-oss-120b', input: '/whoami' }
    await gateway.post(ask, acme)
    assert.match(gateway.sandbox.requests.at(-1)?.path ?? '', /\/acme-scw\/v1\/responses$/)
    await gateway.post(ask, { authorization: 'Bearer other-key-123456' })
    assert.match(gateway.sandbox.requests.at(-1)?.path ?? '', /\/sandbox-project\/v1\/responses$/)
  })
  it('follows the settings of a key', async () => {
    const answer = await gateway.post(
      { ...hello, model: 'balanced', presence_penalty: 1 },
      { authorization: 'Bearer other-key-123456' },
    )
    assert.equal(answer.status, 400)
  })
  it('keeps the admin API and the record of keys to itself', async () => {
    assert.equal((await fetch(`${gateway.origin}/admin/requests`)).status, 401)
    assert.equal((await fetch(`${gateway.origin}/admin/requests`, { headers: acme })).status, 401)
    await gateway.post({ ...hello, input: 'my key is acme-key-123456' }, { ...acme, 'x-request-id': 'leak' })
    await gateway.app.flush()
    const answer = await fetch(`${gateway.origin}/admin/requests/leak`, { headers: admin })
    assert.equal(answer.status, 200)
    const text = await answer.text()
    assert.doesNotMatch(text, /acme-key-123456|admin-key-123456/)
    const row = JSON.parse(text) as AdminRequest
    assert.deepEqual([row.project, row.key], ['acme', 'acme/1'])
  })
})
