/** The admin API over a running gateway with real traffic: every route answers what `/openapi.json` says. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { AdminRequest, AdminRequestList } from '../../server/http/admin/contract.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

type Json = Record<string, unknown>
interface Operation {
  parameters?: { name: string; in: string; required: boolean; schema: Json }[]
  requestBody?: { content: Record<string, { schema: Json }> }
  responses: Record<string, { content: Record<string, { schema: Json }> }>
}
interface Document {
  openapi: string
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Json> }
}

/** Nothing may be answered that the document does not name. */
function closeObjects(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(closeObjects)
  if (typeof node !== 'object' || node === null) return node
  const entries = Object.entries(node).map(([name, value]): [string, unknown] => [name, closeObjects(value)])
  const closed = Object.fromEntries(entries)
  return closed.properties === undefined ? closed : { ...closed, additionalProperties: false }
}

let gateway: TestGateway
let document: Document
const ajv = new Ajv2020({
  strict: false,
  formats: { time: true, usd: true, 'date-time': /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ },
})

before(async () => {
  gateway = await startGateway()
  document = (await (await fetch(`${gateway.origin}/openapi.json`)).json()) as Document
  ajv.addSchema({ $id: 'api', ...(closeObjects({ components: document.components }) as Json) })
})
after(() => gateway.close())

/** The one of success, unless it is told otherwise. */
function checkAnswer(path: string, method: string, status: number, body: unknown, isError = false): void {
  assert.equal(status < 300, !isError, `${method} ${path}: ${JSON.stringify(body)}`)
  const schema = document.paths[path]?.[method]?.responses[status]?.content['application/json']?.schema
  assert.ok(schema, `${method} ${path} does not tell of its ${status}`)
  const pointed = JSON.parse(
    JSON.stringify(closeObjects(schema)).replaceAll('"#/components/', '"api#/components/'),
  )
  const validate = ajv.compile(pointed)
  assert.ok(validate(body), `${method} ${path}: ${ajv.errorsText(validate.errors)}`)
}

async function call(path: string, init: RequestInit = {}): Promise<{ status: number; body: Json }> {
  const response = await fetch(`${gateway.origin}${path}`, init)
  return { status: response.status, body: (await response.json()) as Json }
}

const post = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

describe('the admin API', () => {
  let row: AdminRequest
  before(async () => {
    const { data: models } = (await call('/v1/models')).body as { data: { id: string }[] }
    for (const { id } of models.slice(0, 3)) {
      await (
        await gateway.post({ model: id, input: 'hello', metadata: { team: 'blue' }, user: 'ann' })
      ).text()
      await (await gateway.post({ model: id, input: 'hello', stream: true })).text()
    }
    await (await gateway.post({ model: 'nowhere/none', input: 'hello' })).text()
    const first = await (
      await gateway.post({ model: models[0]?.id, input: 'one' }, { 'x-dragoman-session': 'talk' })
    ).json()
    assert.ok(first)
    const list = await gateway.admin<AdminRequestList>('/admin/requests?session=talk')
    row = await gateway.admin<AdminRequest>(`/admin/requests/${list.data[0]?.id}`)
    assert.equal(row.session_id, 'talk')
  })

  it('answers every route as the document says', async () => {
    const made = await call(
      '/admin/prompts',
      post({ id: 'greet', template: { input: 'Hi {{name}}', variables: { name: { type: 'text' } } } }),
    )
    checkAnswer('/admin/prompts', 'post', made.status, made.body)
    const added = await call('/admin/prompts/greet/versions', post({ template: { input: 'Ho' } }))
    checkAnswer('/admin/prompts/{id}/versions', 'post', added.status, added.body)
    const chosen = await call('/admin/prompts/greet/default', post({ version: '2' }))
    checkAnswer('/admin/prompts/{id}/default', 'post', chosen.status, chosen.body)
    const asked = {
      '/admin/requests': '/admin/requests?limit=3',
      '/admin/requests/{id}': `/admin/requests/${row.id}`,
      '/admin/sessions': '/admin/sessions',
      '/admin/sessions/{id}': '/admin/sessions/talk',
      '/admin/overview': '/admin/overview',
      '/admin/facets': '/admin/facets',
      '/admin/status': '/admin/status',
      '/admin/prices': '/admin/prices?at=2026-10-01',
      '/admin/spend': '/admin/spend?from=2026-01-01&to=2026-02-01',
      '/admin/prompts': '/admin/prompts',
      '/admin/prompts/{id}': '/admin/prompts/greet',
    }
    for (const [path, url] of Object.entries(asked)) {
      const { status, body } = await call(url)
      assert.equal(status, 200, `${url}: ${JSON.stringify(body)}`)
      checkAnswer(path, 'get', status, body)
    }
    const repriced = await call('/admin/reprice', post({ from: '2026-01-01', to: '2026-01-02' }))
    checkAnswer('/admin/reprice', 'post', repriced.status, repriced.body)
    const rebuilt = await call('/admin/rollups/rebuild', post({ from: '2026-01-01', to: '2026-01-02' }))
    checkAnswer('/admin/rollups/rebuild', 'post', rebuilt.status, rebuilt.body)
    const version = await call('/admin/prompts/greet/versions/1', { method: 'DELETE' })
    checkAnswer('/admin/prompts/{id}/versions/{version}', 'delete', version.status, version.body)
    const gone = await call('/admin/prompts/greet', { method: 'DELETE' })
    checkAnswer('/admin/prompts/{id}', 'delete', gone.status, gone.body)
    // Those that do not answer JSON have tests of their own.
    const tested = new Set([
      ...Object.keys(asked),
      '/admin/prompts/{id}/versions',
      '/admin/prompts/{id}/default',
    ])
    const others = [
      '/admin/requests/export',
      '/admin/requests/tail',
      '/admin/media/{hash}',
      '/admin/reprice',
      '/admin/rollups/rebuild',
      '/admin/prompts/{id}/versions/{version}',
    ]
    const missing = Object.keys(document.paths).filter(
      (path) => path.startsWith('/admin/') && !tested.has(path) && !others.includes(path),
    )
    assert.deepEqual(missing, [])
  })

  it('says in the document what there is, and refers to nothing that is not there', async () => {
    assert.equal(document.openapi, '3.1.0')
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)]
    assert.ok(references.length > 20)
    for (const [, name] of references) assert.ok(document.components.schemas[name ?? ''], `${name}`)
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const operation of Object.values(methods)) {
        const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
        const described = (operation.parameters ?? [])
          .filter((one) => one.in === 'path')
          .map(({ name }) => name)
        assert.deepEqual(described, named, path)
        for (const { schema } of operation.parameters ?? []) ajv.compile(schema)
      }
    }
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).flatMap(
        ({ operationId }: Operation & { operationId?: string }) => operationId ?? [],
      ),
    )
    assert.equal(new Set(ids).size, ids.length)
    for (const path of ['/healthz', '/readyz', '/metrics', '/v1/responses']) assert.ok(document.paths[path])
    // What the document lists is there.
    for (const path of ['/healthz', '/readyz', '/config.schema.json', '/openapi.json', '/v1/models'])
      assert.equal((await fetch(gateway.origin + path)).status, 200, path)
  })

  it('refuses what it cannot understand, by name and with the fix', async () => {
    const cases: [string, string, RegExp][] = [
      ['/admin/requests?colour=red', 'colour', /There is no parameter 'colour'.*Known: from, to/],
      ['/admin/requests?limit=0', 'limit', /a whole number from 1 to 500, not 0/],
      ['/admin/requests?limit=ten', 'limit', /a whole number from 1 to 500, not 'ten'/],
      ['/admin/requests?limit=1.5', 'limit', /whole number/],
      ['/admin/requests?status=failed,odd', 'status', /one of queued, in_progress.*not 'odd'/],
      ['/admin/requests?from=yesterday', 'from', /ISO 8601/],
      ['/admin/requests?from=2026-02-02&to=2026-02-01', 'from', /before "to"/],
      ['/admin/requests?to=0', 'to', /"to" after 1970/],
      ['/admin/overview?to=0', 'to', /"to" after 1970/],
      ['/admin/sessions?to=0', 'to', /"to" after 1970/],
      ['/admin/requests?min_cost_usd=cheap', 'min_cost_usd', /dollars with at most nine decimals/],
      ['/admin/requests?min_latency_ms=-1', 'min_latency_ms', /a number from 0 to \d+, not -1/],
      ['/admin/requests?min_total_tokens=9&max_total_tokens=1', 'min_total_tokens', /must not be above/],
      ['/admin/requests?stream=maybe', 'stream', /true or false, not 'maybe'/],
      ['/admin/requests?metadata=x', 'metadata', /metadata\[name\]=value/],
      ['/admin/requests?before=abc', 'before', /"next" or "previous" of an earlier page/],
      ['/admin/requests?before=k1&after=k2', 'after', /not both/],
      ['/admin/requests?q=-', 'q', /a word to look for/],
      ['/admin/requests/export', 'format', /format is missing. It must be one of csv, jsonl/],
      ['/admin/requests/tail?q=word', 'q', /There is no parameter 'q'/],
      ['/admin/facets?page=1', 'page', /There is no parameter/],
      [`/admin/requests/${'x'.repeat(600)}`, 'id', /1 to 512 characters/],
    ]
    for (const [path, param, message] of cases) {
      const { status, body } = await call(path)
      const { error } = body as { error: { param: string; message: string; type: string } }
      assert.deepEqual([status, error.param, error.type], [400, param, 'invalid_request_error'], path)
      assert.match(error.message, message, path)
      checkAnswer('/admin/requests', 'get', 400, body, true)
    }
    const wrong = await call('/admin/prompts', post({ template: 'x' }))
    assert.deepEqual([wrong.status, (wrong.body.error as Json).param], [400, 'template'])
    const unknown = await call('/admin/prompts', post({ template: {}, colour: 1 }))
    assert.deepEqual([unknown.status, (unknown.body.error as Json).param], [400, 'colour'])
    const list = await call('/admin/prompts', post([]))
    assert.equal(list.status, 400)
  })

  it('takes empty values as not given, repeated and joined ones as a list', async () => {
    const all = await gateway.admin<AdminRequestList>('/admin/requests?before=&status=&model=')
    assert.equal(all.data.length, 8)
    assert.deepEqual([all.next, all.previous, all.searched_to], [null, null, null])
    const either = await gateway.admin<AdminRequestList>('/admin/requests?status=failed&status=completed')
    assert.equal(either.data.length, 8)
    const joined = await gateway.admin<AdminRequestList>('/admin/requests?status=failed,cancelled')
    assert.deepEqual(
      joined.data.map(({ model }) => model),
      ['nowhere/none'],
    )
    const tagged = await gateway.admin<AdminRequestList>(
      '/admin/requests?metadata%5Bteam%5D=blue&user=ann&stream=false',
    )
    assert.equal(tagged.data.length, 3)
    assert.deepEqual(tagged.data[0]?.metadata, { team: 'blue' })
  })

  it('finds a request by every id that names it', async () => {
    const attempt = row.attempt_list.at(-1)
    const answer = JSON.parse(row.client_response?.body.text ?? '') as { output: { id: string }[] }
    const ids: [string | null | undefined, AdminRequest['matched_by']][] = [
      [row.id, 'request'],
      [row.response_id, 'response'],
      [attempt?.upstream_response_id, 'upstream_response_or_item'],
      [answer.output[0]?.id, 'upstream_response_or_item'],
    ]
    for (const [id, by] of ids) {
      assert.ok(id, by)
      const found = await gateway.admin<AdminRequest>(`/admin/requests/${encodeURIComponent(id)}`)
      assert.deepEqual([found.id, found.matched_by], [row.id, by])
    }
    const { status, body } = await call('/admin/requests/none')
    assert.deepEqual([status, (body.error as Json).code], [404, 'not_found'])
  })

  it('lists all requests of a trace, the newest first', async () => {
    const trace = 'ab'.repeat(16)
    const headers = { traceparent: `00-${trace}-${'cd'.repeat(8)}-01` }
    for (const input of ['one', 'two'])
      await (await gateway.post({ model: row.model, input }, headers)).text()
    await gateway.app.flush()
    const { body } = await call(`/admin/requests/${trace}`)
    const found = body as unknown as AdminRequest
    assert.equal(found.matched_by, 'trace')
    assert.equal(found.matches.length, 2)
    assert.equal(found.matches[0]?.id, found.id)
  })
})
