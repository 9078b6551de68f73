import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { loadConfigFile } from '../../../server/config/load.ts'
import { ConfigError } from '../../../server/config/problems.ts'
import { assertProblem, fakeTranslators, findProblems, load, loadWith, plainProvider } from './fixtures.ts'

describe('loadConfig', () => {
  it('fills every default', () => {
    const runtime = loadWith({})
    assert.deepEqual(runtime.listen, { host: '127.0.0.1', port: 8787 })
    assert.deepEqual(runtime.store, { url: 'sqlite:data/dragoman.db' })
    assert.equal(runtime.directRouting, true)
    assert.equal(runtime.pingSeconds, 15)
    assert.deepEqual(runtime.structuredOutput, { retry: false })
    assert.deepEqual(runtime.limits, {
      bodyBytes: 33_554_432,
      headersTimeout: 30_000,
      bodyIdleTimeout: 60_000,
      keepAliveTimeout: 65_000,
      drainTimeout: 30_000,
    })
    assert.deepEqual(runtime.state, {
      store: true,
      retentionDays: 30,
      conversationDays: 0,
      conversationWait: 30_000,
      idempotencyHours: 24,
      idempotencyWait: 0,
      backgroundJobs: 64,
      keyRotationDays: 30,
      passPrompts: false,
    })
    assert.deepEqual(runtime.webSocket, {
      maxFrameBytes: 33_554_432,
      maxQueuedTurns: 16,
      maxMinutes: 60,
      maxMemoryBytes: 33_554_432,
    })
    const open = runtime.projects.get('default')!
    assert.deepEqual([open.store, open.retentionMs], [true, 30 * 86_400_000])
    assert.deepEqual(runtime.log, {
      bodies: 'full',
      maxBodyBytes: 1_048_576,
      media: true,
      maxMediaBytes: 16_777_216,
      search: true,
      queueRows: 10_000,
      queueBytes: 134_217_728,
      retention: {
        bodies: 7 * 86_400_000,
        rows: 90 * 86_400_000,
        rollups: 400 * 86_400_000,
        minutes: 7 * 86_400_000,
        maxBytes: 10_000_000_000,
      },
    })
    const provider = runtime.providers.get('plain')!
    assert.deepEqual(provider.timeouts, {
      connect: 10_000,
      firstByte: 120_000,
      idle: 120_000,
      total: 1_800_000,
    })
    assert.deepEqual(
      [provider.maxConnections, provider.attempts, provider.unsupported, provider.missing],
      [1024, 2, 'adapt', []],
    )
    assert.deepEqual(provider.options, { stream: 'synthesize' })
    assert.deepEqual(runtime.warnings, [])
  })

  it('takes a value over its default, and leaves the given object as it was', () => {
    const config = Object.freeze({
      providers: Object.freeze({
        plain: Object.freeze({ ...plainProvider, timeouts: Object.freeze({ idle: 5 }) }),
      }),
    })
    const runtime = load(config)
    assert.deepEqual(runtime.providers.get('plain')!.timeouts, {
      connect: 10_000,
      firstByte: 120_000,
      idle: 5,
      total: 1_800_000,
    })
  })

  it('tells every problem at once, each with its path', () => {
    const problems = findProblems(() =>
      load({
        listn: {},
        listen: { port: 70_000 },
        store: { url: 'mysql://db/dragoman' },
        projects: { acme: { keys: ['short', { key: 'long-enough-1', event: 'openai' }] } },
        providers: {
          plain: { ...plainProvider, baseURL: 'x', options: { stream: 'nativ', other: 1 } },
          odd: { variant: 'plian', baseUrl: 'ftp://odd.example', apiKey: 'x' },
        },
        models: { 'org/name': { targets: [{ provider: 'plane', model: 'm' }] }, empty: { targets: [] } },
      }),
    )
    const found = Object.fromEntries(problems.map(({ path, message }) => [path, message]))
    const expected: Record<string, RegExp> = {
      listn: /not an option; did you mean "listen"\?/,
      'listen.port': /0 to 65535, is 70000/,
      'store.url': /sqlite:data\/dragoman\.db/,
      'projects.acme.keys[0]': /at least 8 characters/,
      'projects.acme.keys[1].event': /did you mean "events"/,
      'providers.plain.baseURL': /did you mean "baseUrl"/,
      'providers.plain.options.stream': /did you mean "native"/,
      'providers.plain.options.other': /not an option; known: "stream"/,
      'providers.odd.variant': /did you mean "plain"/,
      'providers.odd.baseUrl': /https:\/\/ or http:\/\//,
      'models["org/name"].targets[0].provider': /"plane" is not one of the providers; did you mean "plain"/,
      'models.empty.targets': /at least one entry/,
    }
    assert.deepEqual(Object.keys(found).sort(), Object.keys(expected).sort())
    for (const [path, pattern] of Object.entries(expected)) assert.match(found[path]!, pattern)
  })

  it('lists the problems readably in its message', () => {
    const error = new ConfigError('config.json', [
      { path: 'a.b', message: 'is wrong' },
      { path: '', message: 'is no object' },
    ])
    assert.equal(error.message, 'config.json has 2 problems:\n  a.b: is wrong\n  is no object')
  })

  it('tells what is missing, and what it is for', () => {
    const problems = findProblems(() => load({ providers: { plain: { apiKey: 'x' } } }))
    assert.deepEqual(problems.map(({ path }) => path).sort(), [
      'providers.plain.baseUrl',
      'providers.plain.variant',
    ])
    assertProblem(() => load({}), 'providers', /is missing; the providers behind/)
    assertProblem(() => load({ providers: {} }), 'providers', /at least one entry/)
  })

  it('refuses what is no object at all', () => {
    for (const text of ['[]', 'null', '7', '"x"']) assertProblem(() => load(text), '', /must be an object/)
  })

  it('shows where JSON is broken', () => {
    assertProblem(
      () => load('{\n  "providers": {},\n  // no\n}'),
      'line 3, column 3',
      /name in double quotes.*JSON has no comments/,
    )
  })

  it('never shows a secret in a message', () => {
    const secret = 'sk-very secret\n'
    const error = findProblems(() =>
      loadWith({
        admin: { key: secret },
        projects: { acme: { keys: [secret, { key: secret }] } },
        providers: {
          plain: { ...plainProvider, apiKey: secret, baseUrl: 'https://user:sk-hidden@plain.example' },
        },
      }),
    )
    assert.equal(error.length, 5)
    assert.doesNotMatch(JSON.stringify(error), /very secret|sk-hidden/)
  })

  it('reads a file, and says why it cannot', () => {
    const folder = mkdtempSync(join(tmpdir(), 'dragoman-config-'))
    try {
      const path = join(folder, 'config.json')
      assertProblem(() => loadConfigFile({ path, translators: fakeTranslators }), '', /no such file/)
      assertProblem(() => loadConfigFile({ path: folder, translators: fakeTranslators }), '', /is a folder/)
      writeFileSync(path, `\uFEFF${JSON.stringify({ providers: { plain: plainProvider } })}`)
      const runtime = loadConfigFile({ path, translators: fakeTranslators, overrides: { port: 0 } })
      assert.equal(runtime.source, path)
      assert.equal(runtime.listen.port, 0)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('the environment', () => {
  const env = { KEY: 'from-env-1', HALF: 'example', EMPTY: '' }

  it('fills whole strings and parts of strings, once', () => {
    const runtime = loadWith(
      {
        providers: {
          plain: { ...plainProvider, apiKey: `\${KEY}`, baseUrl: `https://\${HALF}.\${HALF}/v1` },
        },
        projects: { acme: { name: `\${TRICK}` } },
      },
      { env: { ...env, TRICK: `\${KEY}` } },
    )
    const provider = runtime.providers.get('plain')!
    assert.equal(provider.credentials.apiKey, 'from-env-1')
    assert.equal(provider.baseUrl, 'https://example.example/v1')
    assert.equal(runtime.projects.get('acme')!.name, `\${KEY}`)
  })

  it('lists a provider whose secret is not set as unavailable, with the variable', () => {
    for (const variable of ['ABSENT', 'EMPTY']) {
      const runtime = loadWith(
        {
          providers: { plain: { ...plainProvider, apiKey: `\${${variable}}` } },
          models: { m: { targets: [{ provider: 'plain', model: 'm' }] } },
        },
        { env },
      )
      const provider = runtime.providers.get('plain')!
      assert.deepEqual(provider.missing, [variable])
      assert.equal(provider.credentials.apiKey, undefined)
      assert.match(runtime.warnings.join('\n'), new RegExp(`plain is unavailable: ${variable} is not set`))
      assert.match(runtime.warnings.join('\n'), /model m cannot be served/)
    }
  })

  it('lets one complete set of credentials make up for another', () => {
    const either = { variant: 'either', baseUrl: 'https://either.example/v1' }
    const missing = (secrets: object) =>
      load({ providers: { either: { ...either, ...secrets } } }, { env }).providers.get('either')!.missing
    assert.deepEqual(missing({ apiKey: `\${ABSENT}`, adminKey: `\${KEY}` }), [])
    assert.deepEqual(missing({ apiKey: `\${ABSENT}`, adminKey: `\${ABSENT_TOO}` }), ['ABSENT', 'ABSENT_TOO'])
  })

  it('marks a provider that could do without, when the key that was meant is not set', () => {
    const keyless = { variant: 'keyless', baseUrl: 'http://127.0.0.1:8000/v1' }
    const missing = (secrets: object) =>
      load({ providers: { keyless: { ...keyless, ...secrets } } }, { env }).providers.get('keyless')!.missing
    assert.deepEqual(missing({}), [])
    assert.deepEqual(missing({ apiKey: `\${ABSENT}` }), ['ABSENT'])
  })

  it('makes any other variable that is not set an error', () => {
    const problems = findProblems(() =>
      loadWith({
        admin: { key: `\${ADMIN}` },
        projects: { acme: { keys: [`\${ACME}`] } },
        listen: { host: `\${WHERE}` },
        providers: { plain: { ...plainProvider, baseUrl: `https://\${A}.\${B}` } },
      }),
    )
    const found = Object.fromEntries(problems.map(({ path, message }) => [path, message]))
    assert.match(found['admin.key']!, /variable ADMIN is not set/)
    assert.match(found['projects.acme.keys[0]']!, /variable ACME is not set/)
    assert.match(found['listen.host']!, /variable WHERE is not set/)
    assert.match(found['providers.plain.baseUrl']!, /variable A, B are not set/)
    assert.equal(problems.length, 4)
  })

  it('refuses what does not name a variable', () => {
    assertProblem(
      () => loadWith({ projects: { a: { name: `\${my-name}` } } }),
      'projects.a.name',
      /does not name a variable/,
    )
  })
})

describe('keys', () => {
  it('are kept as hashes only', () => {
    const runtime = loadWith({
      admin: { key: 'the-admin-key' },
      projects: {
        acme: {
          keys: [
            'acme-key-1',
            { name: 'ci', key: 'acme-key-2', events: 'open-responses', unsupported: 'reject' },
          ],
        },
      },
    })
    const hash = (key: string) => createHash('sha256').update(key).digest('hex')
    assert.deepEqual(runtime.keys.get(hash('acme-key-1')), {
      name: 'acme/1',
      projectId: 'acme',
      events: 'openai',
      unsupported: null,
    })
    assert.deepEqual(runtime.keys.get(hash('acme-key-2')), {
      name: 'ci',
      projectId: 'acme',
      events: 'open-responses',
      unsupported: 'reject',
    })
    assert.equal(runtime.admin.keyHash!.toString('hex'), hash('the-admin-key'))
    assert.doesNotMatch(inspect(runtime, { depth: 9 }), /acme-key-|the-admin-key/)
  })

  it('are refused when they stand twice, are empty, short or unsendable', () => {
    const withKeys = (projects: object, admin = {}) => loadWith({ projects, admin })
    assertProblem(
      () => withKeys({ a: { keys: ['same-key-1'] }, b: { keys: [{ key: 'same-key-1' }] } }),
      'projects.b.keys[0].key',
      /same key as projects\.a\.keys\[0\]/,
    )
    assertProblem(
      () => withKeys({ a: { keys: ['same-key-1'] } }, { key: 'same-key-1' }),
      'projects.a.keys[0]',
      /same key as admin\.key/,
    )
    assertProblem(() => withKeys({ a: { keys: ['1234567'] } }), 'projects.a.keys[0]', /at least 8/)
    assertProblem(() => withKeys({ a: { keys: ['12345678\n'] } }), 'projects.a.keys[0]', /line break/)
    assertProblem(
      () => withKeys({ a: { keys: [7] } }),
      'projects.a.keys[0]',
      /a string or an object, is a number/,
    )
    assert.match(findProblems(() => withKeys({ a: { keys: [''] } }))[0]!.message, /is empty/)
    assert.equal(withKeys({ a: { keys: ['12345678'] } }).keys.size, 1)
  })

  it('have names that tell them apart', () => {
    const keys = (first: object, second: object) => () =>
      loadWith({ projects: { a: { keys: [first, second] } } })
    const one = { key: 'key-number-1' }
    const two = { key: 'key-number-2' }
    assertProblem(
      keys({ ...one, name: 'x' }, { ...two, name: 'x' }),
      'projects.a.keys[1].name',
      /another key/,
    )
    assertProblem(keys(one, { ...two, name: 'admin' }), 'projects.a.keys[1].name', /without a project key/)
  })

  it('are needed to listen where others can reach it', () => {
    const keys = { projects: { a: { keys: ['key-number-1'] } } }
    const admin = { admin: { key: 'key-of-admin' } }
    const at = (host: string, more: object) => () => loadWith({ listen: { host }, ...more })
    for (const host of [
      '127.0.0.1',
      '127.9.9.9',
      '::1',
      '[::1]',
      'localhost',
      'LOCALHOST',
      '::ffff:127.0.0.1',
    ]) {
      assert.equal(at(host, {})().listen.host, host)
    }
    for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.evil.example', '1270.0.0.1', '::ffff:10.0.0.1']) {
      assertProblem(at(host, {}), 'listen.host', /a project key.*and an admin key/)
      assertProblem(at(host, keys), 'listen.host', /needs an admin key/)
      assertProblem(at(host, admin), 'listen.host', /needs a project key/)
      assert.equal(at(host, { ...keys, ...admin })().listen.host, host)
    }
    assertProblem(() => loadWith({}, { overrides: { host: '0.0.0.0' } }), 'listen.host', /needs/)
    assert.equal(loadWith({ listen: { host: '0.0.0.0' } }, { overrides: { host: '::1' } }).listen.host, '::1')
  })
})
