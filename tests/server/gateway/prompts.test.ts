import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { GatewayError } from '../../../server/errors.ts'
import { checkTemplate } from '../../../server/gateway/prompt-template.ts'
import { resolvePrompt } from '../../../server/gateway/prompts.ts'
import type { CanonicalRequest, JsonObject } from '../../../translators/shared/canonical.ts'

const text = (value: string) => ({ type: 'input_text', text: value })
const says = (value: string) => ({ type: 'message', role: 'user', content: [text(value)] })

/** Resolves against one prompt `p` whose version 1, the default, is this template. */
function resolve(template: object, request: JsonObject): CanonicalRequest {
  const checked = checkTemplate(template)
  const find = (id: string, version: string | null) =>
    id === 'p' && (version === null || version === '1') ? checked : null
  const { prompt = {}, ...rest } = request
  return resolvePrompt(
    { model: 'm', prompt: { id: 'p', ...(prompt as object) }, ...rest } as CanonicalRequest,
    find,
  )
}

function fill(template: object, variables: JsonObject = {}): CanonicalRequest {
  return resolve(template, { prompt: { variables } })
}

function refusal(run: () => unknown): GatewayError {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error))
    assert.equal(error.status, 400)
    return error
  }
  assert.fail('it was accepted')
}

function assertRefusal(run: () => unknown, param: string, message: RegExp, code = 'invalid_request'): void {
  const error = refusal(run)
  assert.equal(error.param, param, error.message)
  assert.match(error.message, message)
  assert.equal(error.code, code)
}

describe('resolvePrompt', () => {
  it('leaves a request without a prompt as it is', () => {
    const request = { model: 'm', input: 'hello' }
    assert.equal(
      resolvePrompt(request, () => assert.fail('looked for')),
      request,
    )
  })

  it("puts the template's input before the client's, and its instructions where the client has none", () => {
    const template = {
      instructions: 'Be kind.',
      input: [
        { role: 'developer', content: 'Mind the rules.' },
        { role: 'user', content: [text('One.')] },
      ],
    }
    const rules = { type: 'message', role: 'developer', content: 'Mind the rules.' }
    assert.deepEqual(resolve(template, { input: 'Two.' }), {
      model: 'm',
      instructions: 'Be kind.',
      input: [rules, says('One.'), says('Two.')],
    })
    const own = { role: 'user', content: 'Two.' }
    assert.deepEqual(resolve(template, { input: [own], instructions: 'Be brief.' }), {
      model: 'm',
      instructions: 'Be brief.',
      input: [rules, says('One.'), own],
    })
    assert.deepEqual(resolve(template, {}).input, [rules, says('One.')])
  })

  it("leaves the client's input as it is when the template has none", () => {
    assert.equal(resolve({ instructions: 'Be kind.' }, { input: 'Hello' }).input, 'Hello')
  })

  it('lets a member that the client sets win, and counts null as not set', () => {
    const tools = [{ type: 'function', name: 'f' }]
    const template = { model: 't', temperature: 0.2, top_p: 0.5, tools, input: 'x', description: 'not sent' }
    const resolved = resolve(template, { model: null, temperature: 1, top_p: null, tools: [] })
    assert.deepEqual(resolved, { model: 't', temperature: 1, top_p: 0.5, tools: [], input: [says('x')] })
  })

  it('merges text and reasoning by member', () => {
    const format = { type: 'json_object' }
    const template = { input: 'x', text: { format, verbosity: 'low' }, reasoning: { effort: 'low' } }
    assert.deepEqual(resolve(template, { text: {} }).text, { format, verbosity: 'low' })
    assert.deepEqual(resolve(template, { text: { verbosity: 'high', format: null } }).text, {
      format,
      verbosity: 'high',
    })
    assert.deepEqual(resolve(template, { reasoning: { summary: 'auto' } }).reasoning, {
      effort: 'low',
      summary: 'auto',
    })
  })

  it('takes the version that is named, else the default one', () => {
    assert.deepEqual(resolve({ input: 'x' }, { prompt: { version: '1' } }).input, [says('x')])
    const template = { input: 'x' }
    const wrong = (prompt: object) => () => resolve(template, { prompt })
    assertRefusal(wrong({ version: '2' }), 'prompt.version', /no version "2"/, 'prompt_not_found')
    assertRefusal(wrong({ id: 'q' }), 'prompt.id', /no prompt with the id "q"/, 'prompt_not_found')
    assertRefusal(wrong({ id: 'q', version: '2' }), 'prompt.id', /no prompt/, 'prompt_not_found')
    assertRefusal(wrong({ version: '' }), 'prompt.version', /no version/, 'prompt_not_found')
  })

  it('asks for a model when neither names one', () => {
    assert.equal(resolve({ model: 't', input: 'x' }, { model: undefined }).model, 't')
    assertRefusal(() => resolve({ input: 'x' }, { model: undefined }), 'model', /is missing/)
  })

  it('checks what only both together can be right or wrong', () => {
    const tools = [{ type: 'function', name: 'f' }]
    const choice = { type: 'function', name: 'f' }
    assert.deepEqual(resolve({ tools, input: 'x' }, { tool_choice: choice }).tool_choice, choice)
    assertRefusal(() => resolve({ input: 'x' }, { tool_choice: choice }), 'tool_choice.name', /not among/)
    assertRefusal(() => resolve({ tool_choice: choice }, { input: 'x' }), 'tool_choice.name', /not among/)
    assertRefusal(() => resolve({ temperature: 1 }, {}), 'input', /is missing/)
  })
})

describe('variables', () => {
  const declare = (...names: string[]) => ({
    variables: Object.fromEntries(names.map((name) => [name, { type: 'text' }])),
  })

  it('fill every placeholder, with or without spaces, in every text', () => {
    const template = {
      ...declare('a', 'b.c-d'),
      instructions: '{{a}} {{ a }}{{b.c-d}}',
      input: [
        { role: 'user', content: '<{{a}}>' },
        { role: 'assistant', content: [{ type: 'output_text', text: '{{a}}' }] },
        { type: 'function_call', call_id: 'c', name: 'f', arguments: '{"x":"{{a}}"}' },
        { type: 'function_call_output', call_id: 'c', output: 'It is {{a}}.' },
      ],
    }
    const { instructions, input } = fill(template, { a: '1', 'b.c-d': '2' })
    assert.equal(instructions, '1 12')
    assert.deepEqual(input, [
      { type: 'message', role: 'user', content: '<1>' },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: '1' }] },
      { type: 'function_call', call_id: 'c', name: 'f', arguments: '{"x":"{{a}}"}' },
      { type: 'function_call_output', call_id: 'c', output: 'It is 1.' },
    ])
  })

  it('are never expanded again, whatever they hold', () => {
    const tricky = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(
          fc.constantFrom('$&', '$1', "$'", '$`', '{{a}}', '{{ b }}', '{{', '}}', '\\', 'x', '\u{1F600}'),
        )
        .map((pieces) => pieces.join('')),
    )
    fc.assert(
      fc.property(tricky, tricky, (a, b) => {
        const template = { ...declare('a', 'b'), instructions: '[{{a}}|{{b}}|{{a}}]', input: 'Say {{b}}!' }
        const { instructions, input } = fill(template, { a, b })
        assert.equal(instructions, `[${a}|${b}|${a}]`)
        assert.deepEqual(input, [says(`Say ${b}!`)])
      }),
    )
  })

  it('leave what was given as it was, and give the same again', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, question) => {
        const checked = checkTemplate({
          ...declare('a'),
          instructions: 'x {{a}}',
          input: [{ role: 'user', content: [text('{{a}}'), text('y')] }],
          text: { verbosity: 'low' },
        })
        const request = { model: 'm', input: question, prompt: { id: 'p', variables: { a } } }
        const before = structuredClone([checked, request])
        const first = resolvePrompt(request, () => checked)
        assert.deepEqual(
          resolvePrompt(request, () => checked),
          first,
        )
        assert.deepEqual([checked, request], before)
        assert.ok(!('prompt' in first) && !('variables' in first))
      }),
    )
  })

  it('take their default, and are empty when they are optional without one', () => {
    const template = {
      instructions: '({{a}}{{b}})',
      input: 'x',
      variables: { a: { type: 'text', default: '1' }, b: { type: 'text', required: false } },
    }
    assert.equal(fill(template).instructions, '(1)')
    assert.equal(fill(template, { a: '', b: '2' }).instructions, '(2)')
    assert.equal(fill(template, { a: null }).instructions, '(1)')
  })

  it('may have any name, those of objects too', () => {
    const template = JSON.parse(
      '{"input":"{{__proto__}}{{constructor}}","variables":{"__proto__":{"type":"text"},"constructor":{"type":"text"}}}',
    )
    assertRefusal(() => fill(template), 'prompt.variables.__proto__', /__proto__, constructor/)
    const variables = JSON.parse('{"__proto__":"1","constructor":"2"}')
    assert.deepEqual(fill(template, variables).input, [says('12')])
  })

  it('are refused by name: missing, unknown, or of the wrong type', () => {
    const template = {
      input: [{ role: 'user', content: [text('{{a}} and {{b}}'), text('{{photo}}')] }],
      variables: { a: { type: 'text' }, b: { type: 'text' }, photo: { type: 'image' } },
    }
    const photo = { type: 'input_image', image_url: 'https://pictures.example/1.png' }
    const all = { a: '1', b: '2', photo }
    const filled = (more: JsonObject) => () => fill(template, { ...all, ...more })
    assert.doesNotThrow(filled({}))
    assertRefusal(filled({ a: undefined, b: null }), 'prompt.variables.a', /the variables a, b:/)
    assertRefusal(filled({ c: '3' }), 'prompt.variables.c', /no variable "c": it has a, b, photo/)
    assertRefusal(filled({ a: 5 }), 'prompt.variables.a', /a string or an object .*the number 5/)
    assertRefusal(filled({ a: photo }), 'prompt.variables.a', /"input_text"; got one of type "input_image"/)
    assertRefusal(filled({ photo: 'x' }), 'prompt.variables.photo', /"input_image"; got a string/)
    assertRefusal(
      filled({ photo: { type: 'input_image' } }),
      'prompt.variables.photo.image_url',
      /image_url .* or a file_id/,
    )
    assertRefusal(filled({ a: { type: 'input_text' } }), 'prompt.variables.a.text', /must be a string/)
    assertRefusal(() => fill({ input: 'x' }, { a: '1' }), 'prompt.variables.a', /it has none/)
  })

  it('put images, files and texts as parts where the placeholder stands alone', () => {
    const photo = { type: 'input_image', image_url: 'data:image/png;base64,AA==', detail: 'low' }
    const file = { type: 'input_file', file_data: 'data:application/pdf;base64,AA==', filename: 'a.pdf' }
    const note = { type: 'input_text', text: 'Look: {{photo}}', more: true }
    const template = {
      input: [
        { role: 'user', content: [text('What is this?'), text(' {{ photo }}\n'), text('{{note}}')] },
        { role: 'user', content: '{{file}}' },
        { role: 'assistant', content: '{{note}}' },
      ],
      instructions: '{{note}}',
      variables: { photo: { type: 'image' }, file: { type: 'file' }, note: { type: 'text' } },
    }
    const { input, instructions } = fill(template, { photo, file, note })
    assert.deepEqual(input, [
      { type: 'message', role: 'user', content: [text('What is this?'), photo, note] },
      { type: 'message', role: 'user', content: [file] },
      { type: 'message', role: 'assistant', content: 'Look: {{photo}}' },
    ])
    assert.equal(instructions, 'Look: {{photo}}')
    assert.deepEqual(fill({ input: '{{photo}}', variables: { photo: { type: 'image' } } }, { photo }).input, [
      { type: 'message', role: 'user', content: [photo] },
    ])
  })

  it('leave out an optional image, and a message of which nothing is left', () => {
    const template = {
      input: [
        { role: 'user', content: [text('Describe it.'), text('{{photo}}')] },
        { role: 'user', content: '{{photo}}' },
      ],
      variables: { photo: { type: 'image', required: false } },
    }
    assert.deepEqual(fill(template).input, [says('Describe it.')])
  })

  it('cannot blow a request up', () => {
    const template = { ...declare('a'), input: '{{a}}'.repeat(100) }
    assertRefusal(
      () => fill(template, { a: 'x'.repeat(1_000_000) }),
      'prompt.variables.a',
      /more than 67108864 characters/,
    )
    const shorter = () => fill(template, { a: 'x'.repeat(200_000) })
    assertRefusal(shorter, 'input', /at most 10485760 characters of text; got 20000000/)
  })
})

describe('checkTemplate', () => {
  const check = (template: unknown) => () => checkTemplate(template)

  it('writes easy items out and takes null for absent', () => {
    assert.deepEqual(checkTemplate({ input: [{ role: 'user', content: 'x' }], temperature: null }), {
      input: [{ type: 'message', role: 'user', content: 'x' }],
    })
  })

  it('checks members as those of a request', () => {
    assertRefusal(check(7), null as never, /must be an object; got the number 7/)
    assertRefusal(check({ temperature: 3 }), 'temperature', /from 0 to 2/)
    assertRefusal(check({ model: '' }), 'model', /1 to 512/)
    assertRefusal(check({ instructions: ['x'] }), 'instructions', /must be a string/)
    assertRefusal(check({ tools: [{ type: 'function', name: 'a b' }] }), 'tools[0].name', /may hold only/)
    assertRefusal(check({ text: { format: { type: 'xml' } } }), 'text.format.type', /json_schema/)
    assertRefusal(check({ input: [{ role: 'robot', content: 'x' }] }), 'input[0].role', /must be one of/)
    assertRefusal(
      check({ input: [{ type: 'function_call_output', call_id: 'c', output: 'x' }] }),
      'input[0].call_id',
      /No tool call found/,
    )
    let deep: unknown = {}
    for (let level = 0; level < 101; level += 1) deep = { deep }
    assertRefusal(check({ tools: [{ type: 'x', deep }] }), null as never, /100 levels/)
  })

  it('refuses what belongs to one request or to one conversation', () => {
    assertRefusal(check({ stream: true }), 'stream', /no member "stream"; it may have description, instr/)
    assertRefusal(check({ previous_response_id: 'resp_1' }), 'previous_response_id', /for the request itself/)
    assertRefusal(
      check({ input: [{ type: 'item_reference', id: 'msg_1' }] }),
      'input[0].type',
      /in a template/,
    )
    const kept = { type: 'message', id: 'msg_1', role: 'user', content: 'x' }
    assertRefusal(check({ input: [kept] }), 'input[0].id', /left out/)
  })

  it('names a placeholder without a variable, and a variable without a placeholder', () => {
    const variables = { a: { type: 'text' } }
    assertRefusal(check({ input: '{{b}} {{a}}', variables }), 'input', /\{\{b\}\}.*declare variables\.b/)
    assertRefusal(check({ instructions: '{{a}}' }), 'instructions', /\{\{a\}\}/)
    assertRefusal(check({ input: [{ role: 'user', content: 'x {{a}}' }] }), 'input[0]', /\{\{a\}\}/)
    assertRefusal(check({ input: 'x', variables }), 'variables.a', /stands nowhere: put \{\{a\}\}/)
    assert.doesNotThrow(check({ input: '{{#if a}} {{ }} {{a b}} {a}' }))
  })

  it('checks how a variable is declared', () => {
    const declare = (a: unknown) => check({ input: '{{a}}', variables: { a } })
    assertRefusal(declare('text'), 'variables.a', /must be an object/)
    assertRefusal(declare({ type: 'number' }), 'variables.a.type', /text, image, file/)
    assertRefusal(declare({ type: 'text', required: 'no' }), 'variables.a.required', /true or false/)
    assertRefusal(
      declare({ type: 'text', optional: true }),
      'variables.a.optional',
      /type, required, default/,
    )
    assertRefusal(declare({ type: 'text', default: 7 }), 'variables.a.default', /must be a string/)
    assertRefusal(declare({ type: 'image', default: 'x' }), 'variables.a.default', /"input_image"/)
    assertRefusal(
      check({ input: '{{a}}', variables: { 'a b': { type: 'text' } } }),
      'variables.a b',
      /cannot name a variable/,
    )
    assertRefusal(check({ variables: [] }), 'variables', /must be an object/)
  })

  it('wants an image or a file alone in a part', () => {
    const variables = { a: { type: 'file' } }
    const alone = /\{\{a\}\} in .* is of type file: it must be all/
    assertRefusal(check({ instructions: '{{a}}', variables }), 'instructions', alone)
    assertRefusal(check({ input: 'See {{a}}', variables }), 'input', alone)
    assertRefusal(check({ input: [{ role: 'assistant', content: '{{a}}' }], variables }), 'input[0]', alone)
    assert.doesNotThrow(check({ input: '{{a}}', variables }))
  })
})
