import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { assertProblem, findProblems, loadWith } from './fixtures.ts'

const withPrompts = (prompts: object) => () => loadWith({ prompts })
const withVersions = (versions: object, more: object = {}) => withPrompts({ p: { versions, ...more } })

describe('prompts', () => {
  it('are none by default', () => {
    assert.equal(loadWith({}).prompts.size, 0)
  })

  it('have versions, of which one is taken when none is named', () => {
    const { prompts } = withVersions({ '1': { input: 'a' }, two: { input: 'b' } }, { default: 'two' })()
    const prompt = prompts.get('p')!
    assert.equal(prompt.defaultVersion, 'two')
    assert.deepEqual(
      [...prompt.versions],
      [
        ['1', { input: 'a' }],
        ['two', { input: 'b' }],
      ],
    )
    assert.equal(withVersions({ only: { input: 'a' } })().prompts.get('p')!.defaultVersion, 'only')
  })

  it('need a default of their versions when there are several', () => {
    const versions = { v1: { input: 'a' }, v2: { input: 'b' } }
    assertProblem(withVersions(versions), 'prompts.p.default', /is missing: name the version/)
    assertProblem(
      withVersions(versions, { default: 'v3' }),
      'prompts.p.default',
      /"v3" is not one of the versions; did you mean "v1"/,
    )
    assertProblem(withVersions({}), 'prompts.p.versions', /at least one entry/)
    assertProblem(withPrompts({ p: {} }), 'prompts.p.versions', /is missing/)
    assertProblem(
      withPrompts({ 'a/b': { versions: { v1: {} } } }),
      'prompts["a/b"]',
      /this name may hold only/,
    )
    assertProblem(withVersions({ 'v 1': {} }), 'prompts.p.versions["v 1"]', /this name may hold only/)
    assertProblem(withVersions({ v1: 'text' }), 'prompts.p.versions.v1', /must be an object, is a string/)
  })

  it('are checked like requests, each version by itself', () => {
    const problems = findProblems(
      withVersions({ v1: { temperature: 7 }, v2: { input: '{{a}}' }, v3: { input: 'x' } }, { default: 'v3' }),
    )
    assert.deepEqual(
      problems.map(({ path }) => path),
      ['prompts.p.versions.v1', 'prompts.p.versions.v2'],
    )
    assert.match(problems[0]!.message, /^temperature must be a number from 0 to 2/)
    assert.match(problems[1]!.message, /\{\{a\}\}, which is not among the variables/)
  })

  it('are not filled from the environment', () => {
    const input = `Explain \${KEY} and \${not a name}.`
    const { prompts } = loadWith(
      { prompts: { p: { default: `\${WHICH}`, versions: { v1: { input }, v2: { input } } } } },
      { env: { KEY: 'secret', WHICH: 'v2' } },
    )
    assert.deepEqual(prompts.get('p')!.versions.get('v1'), { input })
    assert.equal(prompts.get('p')!.defaultVersion, 'v2')
  })
})
