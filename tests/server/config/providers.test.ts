import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { assertProblem, fakeTranslator, findProblems, load, loadWith, plainProvider } from './fixtures.ts'

function withProvider(changes: object, more: object = {}) {
  return () => load({ providers: { plain: { ...plainProvider, ...changes } }, ...more })
}

describe('ids', () => {
  const bad = ['', '.', '..', 'a..b', 'a/b', 'a b', 'a\r\nX: y', 'a\n', 'ü', 'x'.repeat(129)]

  it('of providers and projects are safe in a path and a header', () => {
    for (const id of bad) {
      const inProviders = findProblems(() => load({ providers: { [id]: plainProvider } }))
      assert.equal(inProviders.length, 1, JSON.stringify(inProviders))
      assert.match(inProviders[0]!.message, /may hold only letters/)
      assert.equal(findProblems(() => loadWith({ projects: { [id]: {} } })).length, 1)
    }
  })

  it('of the providers own projects as well, wherever they are written', () => {
    for (const projectId of bad) {
      assertProblem(
        withProvider({ projectId }),
        'providers.plain.projectId',
        /may hold only letters|is empty/,
      )
      const projects = { a: { upstream: { plain: { projectId } } } }
      assertProblem(
        withProvider({}, { projects }),
        'projects.a.upstream.plain.projectId',
        /may hold|is empty/,
      )
    }
    assert.equal(withProvider({ projectId: 'a.b_c-1' })().providers.get('plain')!.projectId, 'a.b_c-1')
  })

  it('that come from a variable are looked at like any other', () => {
    const config = { providers: { plain: { ...plainProvider, projectId: `\${ID}` } } }
    assertProblem(() => load(config, { env: { ID: '../x' } }), 'providers.plain.projectId', /no "\.\."/)
  })

  it('may be words that objects have of their own', () => {
    const text = `{"providers":{"__proto__":${JSON.stringify(plainProvider)},"constructor":${JSON.stringify(plainProvider)}}}`
    assert.deepEqual([...load(text).providers.keys()], ['__proto__', 'constructor'])
    assertProblem(
      withProvider({ variant: 'constructor' }),
      'providers.plain.variant',
      /not one of its values/,
    )
  })
})

describe('baseUrl', () => {
  const refused: [string, RegExp][] = [
    ['plain.example/v1', /not a URL/],
    ['ftp://plain.example/v1', /must begin with/],
    ['https://', /not a URL/],
    ['https://plain.example/v1 ', /not a URL/],
    ['https://user:pass@plain.example/v1', /credentials/],
    ['https://user@plain.example/v1', /credentials/],
    ['https://plain.example/v1?x=1', /query/],
    ['https://plain.example/v1#x', /fragment/],
    ['https://plain.example/../v1', /dot segments/],
    ['https://plain.example/{other}/v1', /other braces/],
    ['https://plain.example/v1/responses', /before \/responses/],
    ['https://plain.example/v1/responses/', /before \/responses/],
  ]

  it('is http or https, and nothing but a place', () => {
    for (const [baseUrl, message] of refused) {
      assertProblem(withProvider({ baseUrl }), 'providers.plain.baseUrl', message)
    }
  })

  it('loses the slash at its end', () => {
    assert.equal(
      withProvider({ baseUrl: 'http://[::1]:80/v1//' })().providers.get('plain')!.baseUrl,
      'http://[::1]:80/v1',
    )
  })

  it('holds {project_id} only where a projectId will fill it', () => {
    const baseUrl = 'https://plain.example/{project_id}/v1'
    assertProblem(withProvider({ baseUrl }), 'providers.plain.baseUrl', /projectId is missing/)
    assert.equal(withProvider({ baseUrl, projectId: 'p' })().providers.get('plain')!.baseUrl, baseUrl)
    const mapped = { upstream: { plain: { projectId: 'x' } } }
    const projects = { a: mapped, b: {} }
    assertProblem(withProvider({ baseUrl }, { projects }), 'providers.plain.baseUrl', /these projects .*: b;/)
    assert.doesNotThrow(withProvider({ baseUrl }, { projects: { a: mapped } }))
    assertProblem(
      withProvider({ baseUrl: 'https://{project_id}.example/v1', projectId: 'p' }),
      'providers.plain.baseUrl',
      /in its path only/,
    )
  })
})

describe('credentials', () => {
  it('are those that the variant takes', () => {
    assertProblem(withProvider({ apiKey: undefined }), 'providers.plain', /needs apiKey/)
    assertProblem(withProvider({ adminKey: 'x' }), 'providers.plain.adminKey', /not a credential.*use apiKey/)
    assertProblem(
      withProvider({ variant: 'either', apiKey: undefined }),
      'providers.plain',
      /needs adminKey, or apiKey/,
    )
  })

  it('can be sent in a header', () => {
    assertProblem(withProvider({ apiKey: 'sk-1\n' }), 'providers.plain.apiKey', /line break/)
    assertProblem(withProvider({ apiKey: '' }), 'providers.plain.apiKey', /is empty/)
  })
})

describe('targets', () => {
  const limited = { variant: 'limited', baseUrl: 'https://limited.example/v1', apiKey: 'x' }
  const route = (pattern: string, model: string, changes: object = {}) => {
    return () =>
      load({
        providers: { limited: { ...limited, ...changes } },
        models: { [pattern]: { targets: [{ provider: 'limited', model }] } },
      })
  }

  it('stay within what the document serves, unless the provider widens it', () => {
    assert.doesNotThrow(route('a', 'gpt-oss-120b'))
    assertProblem(
      route('a', 'llama'),
      'models.a.targets[0].model',
      /limited-document\.txt.*"gpt-oss-120b".*limited\.models/,
    )
    assert.doesNotThrow(route('a', 'llama', { models: ['llama'] }))
    assert.doesNotThrow(route('a', 'anything', { models: ['*'] }))
    assert.doesNotThrow(route('a', 'llama', { options: { models: ['llama'] } }))
    assert.doesNotThrow(route('x/*', '*'))
    assert.doesNotThrow(route('x/*', 'gpt-*'))
    assertProblem(route('x/*', 'llama-*'), 'models["x/*"].targets[0].model', /is not served/)
  })

  it('hold one * at most, and only for one in the name', () => {
    assertProblem(route('x/*', '*-*'), 'models["x/*"].targets[0].model', /one "\*" at most/)
    assertProblem(route('*/*', '*'), 'models["*/*"]', /one "\*" at most/)
    assertProblem(route('x', '*'), 'models.x.targets[0].model', /the name "x" does not/)
  })

  it('can stand in a header', () => {
    assertProblem(route('x', 'a\r\nb'), 'models.x.targets[0].model', /printable/)
    assert.match(findProblems(route('a\nb', 'gpt-oss-120b'))[0]!.message, /this name may hold only printable/)
  })

  it('are warned of when nothing limits what models widens', () => {
    assert.match(withProvider({ models: ['x'] })().warnings[0]!, /providers\.plain\.models has no effect/)
  })

  it('name a provider even when that one has mistakes of its own', () => {
    const problems = findProblems(
      withProvider(
        { baseUrl: 'nowhere' },
        { models: { m: { targets: [{ provider: 'plain', model: 'm' }] } } },
      ),
    )
    assert.deepEqual(
      problems.map(({ path }) => path),
      ['providers.plain.baseUrl'],
    )
  })

  it('of a project must be providers too', () => {
    assertProblem(
      () => loadWith({ projects: { a: { upstream: { plane: {} } } } }),
      'projects.a.upstream.plane',
      /did you mean "plain"/,
    )
  })
})

describe('the registry', () => {
  it('may be empty: then no variant is known', () => {
    const problems = findProblems(() => load({ providers: { plain: plainProvider } }, { translators: {} }))
    assert.equal(problems[0]!.path, 'providers.plain.variant')
  })

  it('needs no credentials where a variant names none', () => {
    const free = fakeTranslator({ id: 'free', credentials: [] })
    const provider = { variant: 'free', baseUrl: 'http://127.0.0.1/v1' }
    const runtime = load({ providers: { free: provider } }, { translators: { free } })
    assert.deepEqual(runtime.providers.get('free')!.missing, [])
  })
})
