/** Prompt templates: managed over the admin API, and used by calls to providers that have none. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type {
  AdminPrompt,
  AdminPromptAdded,
  AdminPromptDeleted,
  AdminPromptList,
} from '../../server/http/admin/contract.ts'
import type { CanonicalResponse } from '../../translators/shared/canonical.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

interface Answer<Shape> {
  status: number
  body: Shape & { error?: { message: string; code: string; type: string; param: string | null } }
}

const adminKey = 'admin-key-12345678'
const projectKey = 'project-key-1234'

const fixed = {
  default: 'calm',
  versions: {
    calm: {
      description: 'Greets.',
      model: 'gpt-4o',
      instructions: 'Be calm.',
      input: 'Say hello to {{name}}',
    },
    loud: { model: 'gpt-4o', input: '{{name}}!' },
  },
}
for (const version of Object.values(fixed.versions)) {
  Object.assign(version, { variables: { name: { type: 'text' } } })
}

const configure = (config: Record<string, unknown>): Record<string, unknown> => ({
  ...config,
  admin: { key: adminKey },
  projects: { acme: { keys: [projectKey] } },
  prompts: { fixed },
})

function callAdmin(gateway: TestGateway) {
  return async <Shape>(method: string, path: string, body?: unknown): Promise<Answer<Shape>> => {
    const answer = await fetch(`${gateway.origin}/admin/prompts${path}`, {
      method,
      headers: {
        'x-admin-key': adminKey,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: (await answer.json()) as Answer<Shape>['body'] }
  }
}

describe('/admin/prompts', () => {
  let gateway: TestGateway
  let call: ReturnType<typeof callAdmin>
  before(async () => {
    gateway = await startGateway({ configure })
    call = callAdmin(gateway)
  })
  after(() => gateway.close())

  async function assertRefused(
    answer: Promise<Answer<unknown>>,
    expected: [status: number, code: string, param: string | null],
  ): Promise<void> {
    const { status, body } = await answer
    assert.deepEqual([status, body.error?.code, body.error?.param], expected, body.error?.message)
  }

  it('keeps versions, of which one is the default', async () => {
    const added = await call<AdminPromptAdded>('POST', '', { template: { input: 'One' } })
    assert.equal(added.status, 201)
    const { id } = added.body
    assert.match(id, /^pmpt_/)
    assert.equal(added.body.version, '1')
    const template = { description: 'Two of them.', input: [{ role: 'user', content: 'Two' }] }
    const second = await call<AdminPromptAdded>('POST', `/${id}/versions`, { template })
    assert.deepEqual([second.status, second.body.version, second.body.default_version], [201, '2', '1'])
    const third = await call<AdminPromptAdded>('POST', '', {
      id,
      template: { input: 'Three' },
      default: true,
    })
    assert.deepEqual([third.status, third.body.version, third.body.default_version], [201, '3', '3'])

    const changed = await call<AdminPrompt>('POST', `/${id}/default`, { version: '2' })
    assert.deepEqual([changed.status, changed.body.default_version], [200, '2'])
    const { body } = await call<AdminPrompt>('GET', `/${id}`)
    assert.deepEqual([body.id, body.source, body.default_version], [id, 'store', '2'])
    assert.deepEqual(
      body.versions.map((one) => [one.version, one.template.input]),
      [
        ['1', 'One'],
        ['2', [{ type: 'message', role: 'user', content: 'Two' }]],
        ['3', 'Three'],
      ],
    )
    for (const { created_at: at } of body.versions) assert.equal(new Date(at ?? '').toISOString(), at)

    const { body: list } = await call<AdminPromptList>('GET', '')
    assert.deepEqual(list.data, [
      {
        id: 'fixed',
        source: 'config',
        default_version: 'calm',
        versions: ['calm', 'loud'],
        description: 'Greets.',
      },
      { id, source: 'store', default_version: '2', versions: ['1', '2', '3'], description: 'Two of them.' },
    ])

    await assertRefused(call('DELETE', `/${id}/versions/2`), [409, 'prompt_version_in_use', 'version'])
    const gone = await call<AdminPromptDeleted>('DELETE', `/${id}/versions/1`)
    assert.deepEqual([gone.status, gone.body], [200, { id, version: '1', deleted: true }])
    await assertRefused(call('DELETE', `/${id}/versions/1`), [404, 'not_found', 'version'])
    const all = await call<AdminPromptDeleted>('DELETE', `/${id}`)
    assert.deepEqual([all.status, all.body], [200, { id, version: null, deleted: true }])
    await assertRefused(call('GET', `/${id}`), [404, 'not_found', 'id'])
    await assertRefused(call('POST', `/${id}/versions`, { template: {} }), [404, 'not_found', 'id'])
    await assertRefused(call('POST', `/${id}/default`, { version: '1' }), [404, 'not_found', 'id'])
  })

  it('gives versions that are added at once numbers of their own', async () => {
    const template = { input: 'x' }
    const added = await Promise.all(
      Array.from({ length: 8 }, () => call<AdminPromptAdded>('POST', '', { id: 'busy', template })),
    )
    assert.deepEqual(
      added.map(({ body }) => Number(body.version)).sort((a, b) => a - b),
      [1, 2, 3, 4, 5, 6, 7, 8],
    )
    assert.equal((await call<AdminPrompt>('GET', '/busy')).body.default_version, '1')
    await call('DELETE', '/busy')
  })

  it('refuses a wrong template, naming the place', async () => {
    const create = (template: unknown) => call('POST', '', { template })
    await assertRefused(create(undefined), [400, 'invalid_request', 'template'])
    await assertRefused(create({ temperature: 9 }), [400, 'invalid_request', 'template.temperature'])
    await assertRefused(create({ input: '{{a}}' }), [400, 'invalid_request', 'template.input'])
    await assertRefused(create({ stream: true }), [400, 'invalid_request', 'template.stream'])
    const unused = { input: 'x', variables: { a: { type: 'text' } } }
    await assertRefused(create(unused), [400, 'invalid_request', 'template.variables.a'])
    const template = { input: 'x' }
    await assertRefused(call('POST', '', { id: 'a/b', template }), [400, 'invalid_request', 'id'])
    await assertRefused(call('POST', '', { ID: 'a', template }), [400, 'invalid_request', 'ID'])
    await assertRefused(call('POST', '', { template, default: 'yes' }), [400, 'invalid_request', 'default'])
    await assertRefused(call('POST', '', []), [400, 'invalid_request', null])
    assert.equal((await call<AdminPromptList>('GET', '')).body.data.length, 1)
  })

  it('leaves prompts of the configuration as they are', async () => {
    const { body } = await call<AdminPrompt>('GET', '/fixed')
    assert.deepEqual([body.source, body.versions[1]?.created_at], ['config', null])
    const readOnly = [409, 'prompt_read_only', 'id'] as [number, string, string]
    await assertRefused(call('POST', '', { id: 'fixed', template: { input: 'x' } }), readOnly)
    await assertRefused(call('POST', '/fixed/versions', { template: { input: 'x' } }), readOnly)
    await assertRefused(call('POST', '/fixed/default', { version: 'loud' }), readOnly)
    await assertRefused(call('DELETE', '/fixed'), readOnly)
    await assertRefused(call('DELETE', '/fixed/versions/loud'), readOnly)
  })

  it('needs the admin key', async () => {
    const paths: [string, string][] = [
      ['GET', ''],
      ['POST', ''],
      ['GET', '/fixed'],
      ['DELETE', '/fixed'],
      ['POST', '/fixed/versions'],
      ['DELETE', '/fixed/versions/loud'],
      ['POST', '/fixed/default'],
    ]
    for (const [method, path] of paths) {
      const headers = { authorization: `Bearer ${projectKey}` }
      const answer = await fetch(`${gateway.origin}/admin/prompts${path}`, { method, headers })
      assert.equal(answer.status, 401, `${method} ${path}`)
      await answer.body?.cancel()
    }
  })
})

describe('a call with a prompt', () => {
  let gateway: TestGateway
  let call: ReturnType<typeof callAdmin>
  before(async () => {
    gateway = await startGateway({ configure })
    call = callAdmin(gateway)
  })
  after(() => gateway.close())

  async function ask(body: object): Promise<Answer<CanonicalResponse>> {
    const answer = await gateway.post(body, { authorization: `Bearer ${projectKey}` })
    return { status: answer.status, body: (await answer.json()) as Answer<CanonicalResponse>['body'] }
  }
  /** What the provider was sent last. */
  const sent = () => JSON.stringify(gateway.sandbox.requests.at(-1)?.body)

  it('is filled before a provider without prompts sees it', async () => {
    const variables = { name: '$& {{name}}' }
    const { status, body } = await ask({ prompt: { id: 'fixed', variables }, input: 'And then?' })
    assert.equal(status, 200, JSON.stringify(body))
    assert.equal(body.model, 'gpt-4o')
    const request = sent()
    assert.match(request, /Be calm\./)
    assert.ok(request.indexOf('Say hello to $& {{name}}') > 0, request)
    assert.ok(request.indexOf('And then?') > request.indexOf('Say hello to'), request)
    assert.doesNotMatch(request, /"prompt"|"variables"/)
  })

  it('takes what the client sets over the template, over every provider', async () => {
    const prompt = { id: 'fixed', version: 'loud', variables: { name: '/echo' } }
    for (const model of [
      'gpt-4o',
      'balanced',
      'deepseek-ai/DeepSeek-V3.2',
      'openai/gpt-oss-20b',
      'gpt-5.2',
    ]) {
      const { status, body } = await ask({ model, prompt, instructions: 'Be brief.' })
      assert.equal(status, 200, JSON.stringify(body))
      assert.equal(body.model, model)
      assert.match(sent(), /\/echo!/)
      assert.doesNotMatch(sent(), /"prompt"|Be calm/)
    }
  })

  it('uses a version that has just been added, and a new default at once', async () => {
    const { body: added } = await call<AdminPromptAdded>('POST', '', {
      template: { model: 'gpt-4o', input: 'first version' },
    })
    const prompt = { id: added.id }
    assert.equal((await ask({ prompt })).status, 200)
    assert.match(sent(), /first version/)
    const template = { model: 'gpt-4o', input: 'second version' }
    await call('POST', `/${added.id}/versions`, { template, default: true })
    await ask({ prompt })
    assert.match(sent(), /second version/)
    await ask({ prompt: { ...prompt, version: '1' } })
    assert.match(sent(), /first version/)
    await call('DELETE', `/${added.id}`)
    assert.equal((await ask({ prompt })).body.error?.code, 'prompt_not_found')
  })

  it('is refused by name, and no provider is called', async () => {
    const before = gateway.sandbox.requests.length
    const cases: [prompt: object, code: string, param: string][] = [
      [{ id: 'none' }, 'prompt_not_found', 'prompt.id'],
      [{ id: 'fixed', version: '1' }, 'prompt_not_found', 'prompt.version'],
      [{ id: 'fixed' }, 'invalid_request', 'prompt.variables.name'],
      [{ id: 'fixed', variables: { name: 'x', more: 'y' } }, 'invalid_request', 'prompt.variables.more'],
      [{ id: 'fixed', variables: { name: 7 } }, 'invalid_request', 'prompt.variables.name'],
    ]
    for (const [prompt, code, param] of cases) {
      const { status, body } = await ask({ prompt })
      assert.deepEqual([status, body.error?.code, body.error?.param], [400, code, param])
      assert.equal(body.error?.type, 'invalid_request_error')
    }
    await call('POST', '', { id: 'no-model', template: { input: 'x' } })
    const { status, body } = await ask({ prompt: { id: 'no-model' } })
    assert.deepEqual([status, body.error?.param], [400, 'model'])
    assert.equal(gateway.sandbox.requests.length, before)
  })
})

describe('a response made with a prompt', () => {
  it('is kept and continued with what the template brought, but for its instructions', async () => {
    const gateway = await startGateway({ configure })
    const headers = { authorization: `Bearer ${projectKey}` }
    const get = async (path: string) => (await fetch(`${gateway.origin}${path}`, { headers })).json()
    try {
      const prompt = { id: 'fixed', version: 'calm', variables: { name: 'Ada' } }
      const answer = await gateway.post({ prompt, input: 'Now.' }, headers)
      const first = (await answer.json()) as CanonicalResponse
      assert.equal(answer.status, 200, JSON.stringify(first))
      assert.equal(first.instructions, 'Be calm.')
      assert.deepEqual(first.prompt, prompt)
      assert.deepEqual(await get(`/v1/responses/${first.id}`), first)
      const items = (await get(`/v1/responses/${first.id}/input_items?order=asc`)) as { data: unknown[] }
      assert.match(JSON.stringify(items.data), /Say hello to Ada.*Now\./)

      const next = await gateway.post(
        { model: 'balanced', input: 'Go on.', previous_response_id: first.id },
        headers,
      )
      assert.equal(next.status, 200, await next.text())
      const sent = JSON.stringify(gateway.sandbox.requests.at(-1)?.body)
      assert.match(sent, /Say hello to Ada.*Now\..*Go on\./)
      assert.doesNotMatch(sent, /Be calm/)
    } finally {
      await gateway.close()
    }
  })
})

describe('a prompt that is not kept here', () => {
  it('is passed to a provider with prompts of its own when the operator says so', async () => {
    const gateway = await startGateway({
      configure: (config) => ({ ...config, state: { passPrompts: true }, prompts: { fixed } }),
    })
    const errorOf = async (answer: Response) => {
      const { error } = (await answer.json()) as Answer<object>['body']
      return [answer.status, error?.code, error?.param]
    }
    try {
      const prompt = { id: 'pmpt_theirs', version: '7', variables: { city: 'Paris' } }
      // The provider does not know it either, and its answer is passed on.
      const answer = await gateway.post({ model: 'gpt-5-mini', prompt, input: 'hi' })
      assert.deepEqual(await errorOf(answer), [404, 'prompt_not_found', 'prompt'])
      const { body, provider } = gateway.sandbox.requests.at(-1) ?? {}
      assert.equal(provider, 'openai')
      assert.deepEqual((body as { prompt?: unknown }).prompt, prompt)

      const before = gateway.sandbox.requests.length
      assert.deepEqual(await errorOf(await gateway.post({ prompt })), [400, 'invalid_request', 'model'])
      // A provider without prompts would answer something else without a word.
      assert.deepEqual(await errorOf(await gateway.post({ model: 'balanced', prompt, input: 'hi' })), [
        400,
        'prompt_not_found',
        'prompt.id',
      ])
      const unknownVersion = { id: 'fixed', version: '7' }
      assert.deepEqual(await errorOf(await gateway.post({ model: 'gpt-5-mini', prompt: unknownVersion })), [
        400,
        'prompt_not_found',
        'prompt.version',
      ])
      assert.equal(gateway.sandbox.requests.length, before)
    } finally {
      await gateway.close()
    }
  })
})

describe('prompts in the store', () => {
  it('are there again after a restart', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dragoman-prompts-'))
    const start = () =>
      startGateway({
        configure: (config) => ({
          ...configure(config),
          store: { url: `sqlite:${join(folder, 'kept.db')}` },
        }),
      })
    try {
      const first = await start()
      const template = { model: 'gpt-4o', input: 'kept' }
      const { body: added } = await callAdmin(first)<AdminPromptAdded>('POST', '', { id: 'stays', template })
      assert.equal(added.version, '1')
      await first.close()

      const second = await start()
      const { body } = await callAdmin(second)<AdminPrompt>('GET', '/stays')
      assert.deepEqual(body.versions[0]?.template, template)
      const answer = await second.post({ prompt: { id: 'stays' } }, { authorization: `Bearer ${projectKey}` })
      assert.equal(answer.status, 200, await answer.text())
      await second.close()
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
