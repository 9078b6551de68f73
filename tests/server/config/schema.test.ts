import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { Ajv } from 'ajv'
import { loadConfig } from '../../../server/config/load.ts'
import { buildConfigSchema, type Configuration, configSchema } from '../../../server/config/schema.ts'
import { translators } from '../../../translators/index.ts'
import { fakeTranslators } from './fixtures.ts'

interface Node {
  type?: unknown
  description?: string
  default?: unknown
  properties?: Record<string, Node>
  additionalProperties?: boolean | Node
  items?: Node
  propertyNames?: Node
  allOf?: { then: Node }[]
}

/** Every node that describes a value, with its place. */
function* walk(node: Node, place = '$'): Generator<[string, Node]> {
  yield [place, node]
  for (const [name, child] of Object.entries(node.properties ?? {})) yield* walk(child, `${place}.${name}`)
  if (typeof node.additionalProperties === 'object') yield* walk(node.additionalProperties, `${place}.*`)
  // What an array of plain values holds, its own description may say.
  if (node.items !== undefined) yield* walk({ description: node.description, ...node.items }, `${place}[]`)
  for (const [index, condition] of (node.allOf ?? []).entries()) {
    const options = condition.then.properties?.options
    if (options !== undefined) yield* walk(options, `${place}<${index}>.options`)
  }
}

const schemas = { fake: buildConfigSchema(fakeTranslators), served: configSchema }
const exampleText = readFileSync(new URL('../../../config.example.json', import.meta.url), 'utf8')
const example = JSON.parse(exampleText) as Configuration

describe('the schema', () => {
  for (const [name, schema] of Object.entries(schemas)) {
    it(`describes every option (${name})`, () => {
      const nodes = [...walk(schema)]
      assert.ok(nodes.length > 60)
      for (const [place, node] of nodes) assert.ok((node.description ?? '').length >= 10, place)
    })

    it(`is strict JSON Schema, knows every option's type, and takes no unknown one (${name})`, () => {
      new Ajv({ strict: true, allowUnionTypes: true, strictRequired: false, strictTypes: false }).compile(
        schema,
      )
      for (const [place, node] of walk(schema)) {
        assert.ok(node.type !== undefined, `${place} has no type`)
        if (node.properties === undefined) continue
        assert.equal(node.additionalProperties, false, place)
      }
    })

    it(`has defaults that it would accept itself (${name})`, () => {
      const ajv = new Ajv({ strict: false, useDefaults: true })
      for (const [place, node] of walk(schema)) {
        if (node.default === undefined) continue
        assert.ok(ajv.validate(node, structuredClone(node.default)), `${place}: ${ajv.errorsText()}`)
      }
    })
  }

  it('gives every option of every variant a default', () => {
    for (const { id, options } of Object.values(translators)) {
      for (const [name, option] of Object.entries((options.properties ?? {}) as Record<string, Node>)) {
        assert.ok('default' in option, `${id}.options.${name}`)
      }
    }
  })
})

describe('config.example.json', () => {
  const env = Object.fromEntries(
    [...exampleText.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => [name, `value-of-${name}`]),
  )

  it('loads', () => {
    const runtime = loadConfig({ config: exampleText, source: 'config.example.json', env })
    assert.deepEqual(runtime.warnings, [])
    assert.equal(runtime.keys.size, 2)
    for (const provider of runtime.providers.values()) assert.deepEqual(provider.missing, [])
  })

  it('holds every option', () => {
    const lacking = [...findLacking(configSchema as Node, [example])]
    assert.deepEqual(lacking, [], 'add these options to config.example.json')
  })

  it('holds every variant with each of its options', () => {
    const lacking: string[] = []
    for (const { id, options } of Object.values(translators)) {
      const given = Object.values(example.providers).filter(({ variant }) => variant === id)
      if (given.length === 0) lacking.push(id)
      const named = new Set(given.flatMap((provider) => Object.keys(provider.options ?? {})))
      for (const name of Object.keys(options.properties ?? {})) {
        if (!named.has(name)) lacking.push(`${id}.options.${name}`)
      }
    }
    assert.deepEqual(lacking, [], 'add these to config.example.json')
  })
})

/** Places of the schema that none of the values fills. */
function* findLacking(node: Node, values: unknown[], place = '$'): Generator<string> {
  const objects = values.filter((value) => typeof value === 'object' && value !== null) as Record<
    string,
    unknown
  >[]
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    const given = objects.filter((value) => name in value).map((value) => value[name])
    if (given.length === 0) yield `${place}.${name}`
    else yield* findLacking(child, given, `${place}.${name}`)
  }
  if (typeof node.additionalProperties === 'object') {
    yield* findLacking(node.additionalProperties, objects.flatMap(Object.values), `${place}.*`)
  }
  if (node.items !== undefined) yield* findLacking(node.items, values.flat(), `${place}[]`)
}
