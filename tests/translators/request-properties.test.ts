/** Any request at any variant: no throw, no change of what came in, the same twice, nothing that the table forbids. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { translators } from '../../translators/index.ts'
import type { CanonicalRequest } from '../../translators/shared/canonical.ts'
import { canonicalFields } from '../../translators/shared/contract-fields.ts'
import type { Translator } from '../../translators/shared/translator.ts'
import { makeTarget } from './support/make-target.ts'

const name = fc.oneof(
  fc.constantFrom('a', 'b', '__proto__', 'constructor'),
  fc.string({ minLength: 1, maxLength: 80 }),
)
const text = fc.string({ maxLength: 30 })
const functionTool = fc.record({
  type: fc.constant('function'),
  name,
  description: fc.option(text),
  parameters: fc.constant({ type: 'object' }),
  strict: fc.option(fc.boolean()),
})
const tool = fc.oneof(
  functionTool,
  fc.record({ type: fc.constant('custom'), name }),
  fc.record({
    type: fc.constant('namespace'),
    name,
    description: fc.option(text),
    tools: fc.array(functionTool, { maxLength: 3 }),
  }),
  fc.record({
    type: fc.constantFrom('web_search', 'mcp', 'local_shell', 'file_search'),
    server_label: fc.constant('s'),
  }),
)
const part = fc.oneof(
  fc.record({ type: fc.constantFrom('input_text', 'output_text'), text }),
  fc.record({
    type: fc.constantFrom('input_image', 'input_file', 'input_video', 'refusal'),
    image_url: text,
  }),
)
const id = fc.option(text, { nil: undefined })
const item = fc.oneof(
  fc.record({
    role: fc.constantFrom('user', 'assistant', 'system', 'developer'),
    content: fc.oneof(text, fc.array(part, { maxLength: 3 })),
  }),
  fc.record({
    type: fc.constant('message'),
    id,
    phase: fc.option(text),
    role: fc.constantFrom('assistant', 'developer'),
    content: fc.array(part, { maxLength: 3 }),
  }),
  fc.record({
    type: fc.constant('function_call'),
    id,
    call_id: text,
    name,
    namespace: fc.option(name, { nil: undefined }),
    arguments: text,
  }),
  fc.record({
    type: fc.constantFrom('function_call_output', 'custom_tool_call_output'),
    id,
    call_id: text,
    output: fc.oneof(text, fc.array(part, { maxLength: 2 })),
  }),
  fc.record({
    type: fc.constant('reasoning'),
    id,
    content: fc.constant(null),
    encrypted_content: fc.option(text),
  }),
  fc.record({
    type: fc.constantFrom('item_reference', 'compaction', 'web_search_call', 'new_kind', 'custom_tool_call'),
    id: text,
  }),
)
const reference = fc.record({ type: fc.constantFrom('function', 'custom', 'web_search', 'mcp'), name })
const format = fc.oneof(
  fc.constantFrom({ type: 'text' }, { type: 'json_object' }),
  fc.record({
    type: fc.constant('json_schema'),
    name,
    schema: fc.constant({}),
    strict: fc.option(fc.boolean()),
  }),
)
const request = fc.record(
  {
    model: text,
    input: fc.option(fc.oneof(text, fc.array(item, { maxLength: 6 }))),
    instructions: fc.option(text),
    previous_response_id: fc.option(text),
    conversation: fc.option(fc.oneof(text, fc.record({ id: text }))),
    prompt: fc.option(fc.record({ id: text })),
    include: fc.option(
      fc.array(
        fc.oneof(text, fc.constantFrom('reasoning.encrypted_content', 'message.output_text.logprobs')),
      ),
    ),
    tools: fc.option(fc.array(tool, { maxLength: 5 })),
    tool_choice: fc.option(
      fc.oneof(
        fc.constantFrom('none', 'auto', 'required'),
        reference,
        fc.record({
          type: fc.constant('allowed_tools'),
          mode: fc.constantFrom('auto', 'required', 'none'),
          tools: fc.array(reference, { maxLength: 3 }),
        }),
      ),
    ),
    parallel_tool_calls: fc.option(fc.boolean()),
    max_tool_calls: fc.option(fc.nat(5)),
    max_output_tokens: fc.option(fc.integer({ min: 1, max: 100_000 })),
    metadata: fc.option(fc.dictionary(fc.oneof(text, fc.constant('webhook_token')), text, { maxKeys: 16 })),
    text: fc.option(
      fc.record({
        format: fc.option(format),
        verbosity: fc.option(fc.constantFrom('low', 'medium', 'high')),
        other: fc.option(text),
      }),
    ),
    temperature: fc.option(fc.double({ min: 0, max: 2, noNaN: true })),
    top_p: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    presence_penalty: fc.option(fc.double({ min: -2, max: 2, noNaN: true })),
    frequency_penalty: fc.option(fc.double({ min: -2, max: 2, noNaN: true })),
    top_logprobs: fc.option(fc.nat(20)),
    logprobs: fc.option(fc.boolean()),
    reasoning: fc.option(
      fc.record({
        effort: fc.option(fc.constantFrom('none', 'minimal', 'low', 'xhigh')),
        summary: fc.option(fc.constantFrom('auto', 'detailed')),
      }),
    ),
    stream: fc.option(fc.boolean()),
    stream_options: fc.option(fc.record({ include_obfuscation: fc.boolean() })),
    background: fc.option(fc.boolean()),
    store: fc.option(fc.boolean()),
    service_tier: fc.option(fc.constantFrom('auto', 'default', 'flex', 'priority', 'scale')),
    truncation: fc.option(fc.constantFrom('auto', 'disabled')),
    safety_identifier: fc.option(fc.string({ maxLength: 64 })),
    prompt_cache_key: fc.option(fc.string({ maxLength: 64 })),
    user: fc.option(fc.string({ minLength: 1, maxLength: 200 })),
    unknown_field: fc.option(text),
  },
  { requiredKeys: ['model'] },
) as unknown as fc.Arbitrary<CanonicalRequest>

function freeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) freeze(member)
    Object.freeze(value)
  }
  return value
}

/** Top-level fields that must not be in the body under their own name, whatever was asked. */
function forbidden({ contract }: Translator): string[] {
  return canonicalFields.filter((field) => {
    const { support } = contract.fields[field] ?? assert.fail(field)
    return !field.includes('.') && (support === 'dropped' || support === 'refused')
  })
}

for (const [variant, translator] of Object.entries(translators)) {
  test(`${variant}: any request`, () => {
    const never = forbidden(translator)
    fc.assert(
      fc.property(request, fc.constantFrom('adapt' as const, 'reject' as const), (asked, unsupported) => {
        freeze(asked)
        const target = freeze(makeTarget(translator, { unsupported }))
        const result = translator.request(asked, target)
        assert.deepEqual(translator.request(asked, target), result)
        if (!result.ok) {
          assert.ok(result.message.length > 20 && result.field.length > 0)
          return
        }
        const body = result.body ?? {}
        for (const field of never) assert.equal(field in body, false, field)
        if (translator.contract.additionalProperties === 'drop') assert.equal('unknown_field' in body, false)
        assert.equal(body.model, target.model)
        assert.equal(result.stream, body.stream === true)
        if (!('tools' in body) && !('prompt' in body))
          for (const field of ['tool_choice', 'parallel_tool_calls', 'max_tool_calls'])
            assert.equal(field in body, false, field)
        for (const { detail, field } of result.adaptations)
          assert.match(`${field}${detail}`, /^[\x20-\x7e]*$/)
        if (unsupported === 'reject')
          for (const { action, field } of result.adaptations)
            assert.ok(
              action === 'mapped' || action === 'emulated' || !(field in translator.contract.fields),
              `${action}:${field}`,
            )
        JSON.stringify(body)
      }),
      { numRuns: 300 },
    )
  })
}
