import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import { replaceSection } from '../../docs/replace-section.ts'
import { renderSections } from '../../docs/sections.ts'
import { configSchema } from '../../server/config/schema.ts'

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

it('the generated sections of the README are fresh', () => {
  assert.equal(readme, renderSections(readme), 'stale: run `npm run docs`')
})

it('every option of the configuration stands in the table', () => {
  const names = new Set<string>()
  function collect(node: unknown): void {
    if (typeof node !== 'object' || node === null) return
    for (const [key, value] of Object.entries(node)) {
      if (key === 'properties') for (const name of Object.keys(value as object)) names.add(name)
      collect(value)
    }
  }
  collect(configSchema)
  names.delete('$schema')
  assert.ok(names.size > 30)
  for (const name of names) assert.match(readme, new RegExp(`[\`.]${name}[\`.\\[]`), `no row names ${name}`)
})

it('a missing marker is an error that names it', () => {
  assert.equal(replaceSection('a<!-- x -->old<!-- /x -->b', 'x', 'new'), 'a<!-- x -->\nnew\n<!-- /x -->b')
  assert.throws(() => replaceSection('nothing', 'x', 'new'), /<!-- x -->/)
})
