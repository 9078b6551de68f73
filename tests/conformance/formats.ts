/** A strict schema as `text.format` takes it. */
export const personFormat = {
  type: 'json_schema' as const,
  name: 'person',
  strict: true,
  schema: {
    type: 'object',
    properties: { name: { type: 'string' }, age: { type: 'integer' } },
    required: ['name', 'age'],
    additionalProperties: false,
  },
}
