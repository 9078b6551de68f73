/** The specification's own schemas, where they are on this machine: every event and the response object against them. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { JsonObject } from '../../translators/shared/canonical.ts'

export const specificationFile = fileURLToPath(
  new URL('../../../shared/spec/open-responses-2026-04-24.openapi.json', import.meta.url),
)

export interface Specification {
  event(event: JsonObject): void
  response(response: unknown): void
  compaction(resource: unknown): void
}

/** Null where the file is absent: the test must say so and skip. */
export function loadSpecification(): Specification | null {
  if (!existsSync(specificationFile)) return null
  const { components } = JSON.parse(readFileSync(specificationFile, 'utf8')) as {
    components: { schemas: { [name: string]: { properties?: { type?: { enum?: string[] } } } } }
  }
  // The generated schema allows only null for a format's own JSON schema.
  const format = components.schemas.JsonSchemaResponseFormat?.properties as { [name: string]: unknown }
  format.schema = {}
  const ajv = new Ajv2020({ strict: false, validateFormats: false, discriminator: false })
  ajv.addSchema({ $id: 'spec', components })
  const compile = (name: string) => ajv.compile({ $ref: `spec#/components/schemas/${name}` })
  const events = new Map<string, ValidateFunction>()
  for (const [name, schema] of Object.entries(components.schemas)) {
    const type = name.endsWith('StreamingEvent') ? schema.properties?.type?.enum?.[0] : undefined
    if (type) events.set(type, compile(name))
  }
  const resource = compile('ResponseResource')
  const compaction = compile('CompactResource')
  return {
    event(event) {
      const validate = events.get(String(event.type))
      assert.ok(validate, `${event.type} is in the specification`)
      assertValid(validate, event, String(event.type))
    },
    response: (response) => assertValid(resource, response, 'the response object'),
    compaction: (resource) => assertValid(compaction, resource, 'the compaction'),
  }
}

function assertValid(validate: ValidateFunction, value: unknown, what: string): void {
  const errors = validate(value) ? [] : (validate.errors ?? []).slice(0, 4)
  assert.deepEqual(
    errors.map(({ instancePath, message }) => `${instancePath} ${message}`),
    [],
    what,
  )
}
