import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { listModels, resolveModel } from '../../../server/config/resolve-model.ts'
import type { Runtime } from '../../../server/config/runtime.ts'
import { load, plainProvider } from './fixtures.ts'

const limited = { variant: 'limited', baseUrl: 'https://limited.example/v1', apiKey: `\${ABSENT}` }
const to = (provider: string, model: string) => ({ provider, model })

function build(models: Record<string, object[]>, more: object = {}): Runtime {
  const entries = Object.entries(models).map(([name, targets]) => [name, { targets }])
  return load({ providers: { plain: plainProvider, limited }, models: Object.fromEntries(entries), ...more })
}

/** `how: provider:model …`, or null. */
function resolve(runtime: Runtime, name: string): string | null {
  const found = resolveModel(runtime, name)
  if (found === null) return null
  return `${found.how}: ${found.targets.map(({ provider, model }) => `${provider.id}:${model}`).join(' ')}`
}

describe('resolveModel', () => {
  const runtime = build({
    'org/*': [to('plain', 'all-*')],
    'org/big-*': [to('plain', '*')],
    'org/big-one': [to('limited', 'gpt-oss-120b'), to('plain', 'one')],
    '*-mini': [to('plain', 'mini')],
    'open/*': [to('limited', '*'), to('plain', 'open-*')],
    'only/*': [to('limited', '*')],
  })

  it('takes the exact name first, with its targets in order and the unavailable among them', () => {
    assert.equal(resolve(runtime, 'org/big-one'), 'exact: limited:gpt-oss-120b plain:one')
  })

  it('takes the wildcard with the most literal characters, whatever the order', () => {
    assert.equal(resolve(runtime, 'org/big-two'), 'wildcard: plain:two')
    assert.equal(resolve(runtime, 'org/small'), 'wildcard: plain:all-small')
    assert.equal(resolve(runtime, 'gpt-mini'), 'wildcard: plain:mini')
    assert.equal(resolve(runtime, 'org/a/b'), 'wildcard: plain:all-a/b')
  })

  it('takes the first of two wildcards that are equally specific', () => {
    assert.equal(
      resolve(build({ 'a*': [to('plain', 'first')], '*a': [to('plain', 'second')] }), 'aba'),
      'wildcard: plain:first',
    )
    assert.equal(
      resolve(build({ '*a': [to('plain', 'second')], 'a*': [to('plain', 'first')] }), 'aba'),
      'wildcard: plain:second',
    )
  })

  it('needs at least one character for the *', () => {
    assert.equal(resolve(runtime, 'org/'), null)
    assert.equal(resolve(build({ 'ab*ba': [to('plain', 'x')] }), 'aba'), null)
  })

  it('leaves out targets whose provider does not serve the name that the * makes', () => {
    assert.equal(
      resolve(runtime, 'open/gpt-oss-120b'),
      'wildcard: limited:gpt-oss-120b plain:open-gpt-oss-120b',
    )
    assert.equal(resolve(runtime, 'open/llama'), 'wildcard: plain:open-llama')
    assert.equal(resolve(runtime, 'only/llama'), null)
    assert.equal(resolve(runtime, 'only/gpt-oss-120b'), 'wildcard: limited:gpt-oss-120b')
  })

  it('takes the characters of a name as they are', () => {
    assert.equal(resolve(runtime, 'org/$&$1'), 'wildcard: plain:all-$&$1')
    assert.equal(resolve(runtime, 'org/*'), 'wildcard: plain:all-*')
    assert.equal(resolve(runtime, 'limited/gpt-*'), null)
  })

  it('addresses a provider directly when nothing else matches', () => {
    assert.equal(resolve(runtime, 'plain/org/name'), 'direct: plain:org/name')
    assert.equal(resolve(runtime, 'limited/gpt-oss-120b'), 'direct: limited:gpt-oss-120b')
    for (const name of ['limited/llama', 'nobody/x', 'plain/', 'plain', '/x', '', '__proto__/x']) {
      assert.equal(resolve(runtime, name), null, name)
    }
    assert.equal(resolve(build({}, { directRouting: false }), 'plain/x'), null)
  })

  it('lets nothing into a header that does not belong there', () => {
    for (const name of ['plain/a\r\nb', 'org/a\nb', 'plain/ü', `plain/${'x'.repeat(300)}`]) {
      assert.equal(resolve(runtime, name), null)
    }
  })
})

describe('listModels', () => {
  it('names what is exact, in order, and whether it can be called', () => {
    const runtime = build({
      b: [to('limited', 'gpt-oss-120b')],
      'x/*': [to('plain', '*')],
      a: [to('limited', 'gpt-oss-120b'), to('plain', 'm')],
    })
    assert.deepEqual(listModels(runtime), [
      {
        id: 'b',
        targets: [{ provider: 'limited', model: 'gpt-oss-120b', available: false }],
        available: false,
      },
      {
        id: 'a',
        targets: [
          { provider: 'limited', model: 'gpt-oss-120b', available: false },
          { provider: 'plain', model: 'm', available: true },
        ],
        available: true,
      },
    ])
  })
})
