/** Every event of the specification's dialect, and the response object, against the specification's own schemas. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { JsonObject } from '../../translators/shared/canonical.ts'
import { makeContext, runBody, runStream } from './support/translate.ts'

const specification = fileURLToPath(
  new URL('../../../shared/spec/open-responses-2026-04-24.openapi.json', import.meta.url),
)
const folder = fileURLToPath(new URL('../../../shared/recordings/', import.meta.url))
/** Recordings whose items are all of kinds that the specification has. */
const names = /^(lmstudio|xai|github-copilot|vllm|parallel|openai-(phase|reasoning|compaction))/
const isThere = existsSync(specification) && existsSync(folder)
const files = isThere ? readdirSync(folder).filter((file) => names.test(file)) : []

/** Event type → validator. */
function compile(): Map<string, ValidateFunction> {
  const { components } = JSON.parse(readFileSync(specification, 'utf8')) as {
    components: { schemas: { [name: string]: { properties?: { type?: { enum?: string[] } } } } }
  }
  // The generated schema allows only null for a format's own JSON schema.
  const format = components.schemas.JsonSchemaResponseFormat?.properties as { [name: string]: unknown }
  format.schema = {}
  const ajv = new Ajv2020({ strict: false, validateFormats: false, discriminator: false })
  ajv.addSchema({ $id: 'spec', components })
  const validators = new Map<string, ValidateFunction>()
  for (const [name, schema] of Object.entries(components.schemas)) {
    const type = name.endsWith('StreamingEvent') ? schema.properties?.type?.enum?.[0] : undefined
    if (type) validators.set(type, ajv.compile({ $ref: `spec#/components/schemas/${name}` }))
  }
  return validators
}

const validators = isThere ? compile() : new Map<string, ValidateFunction>()

test('the specification is there', (t) => {
  if (!isThere) t.skip(`no specification or recordings: ${specification}, ${folder}`)
  else assert.ok(validators.size >= 20)
})

function assertValid(events: readonly JsonObject[]): void {
  for (const event of events) {
    const validate = validators.get(String(event.type))
    assert.ok(validate, `${event.type} is in the specification`)
    const errors = validate(event) ? [] : (validate.errors ?? []).slice(0, 4)
    assert.deepEqual(
      errors.map(({ instancePath, message }) => `${instancePath} ${message}`),
      [],
      String(event.type),
    )
  }
}

for (const file of files) {
  test(`${file} keeps to the specification`, () => {
    const text = readFileSync(`${folder}${file}`, 'utf8')
    const context = makeContext({ events: 'open-responses' })
    const { events } = file.endsWith('.json')
      ? runBody(JSON.parse(text), { context })
      : runStream(text.split('\n'), { context })
    assert.ok(events.length > 0)
    assertValid(events)
  })
}

test('a failure keeps to the specification', { skip: !isThere }, () => {
  const request = {
    model: 'm',
    tools: [{ type: 'function', name: 'f' }],
    reasoning: { effort: 'low' as const },
    text: { format: { type: 'json_schema' as const, name: 'n', schema: { type: 'object' } } },
    tool_choice: { type: 'allowed_tools', tools: [{ type: 'function', name: 'f' }] },
  }
  const { events } = runStream(
    [
      { type: 'response.output_text.delta', item_id: 'a', output_index: 0, content_index: 0, delta: 'x' },
      { type: 'error', code: 'c', message: 'm' },
    ],
    { context: makeContext({ events: 'open-responses', request }) },
  )
  assertValid(events)
})
