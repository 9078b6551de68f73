import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { collectText, longestText } from '../../../../server/store/log/search-text.ts'

const input = [
  { type: 'message', role: 'developer', content: 'devwords' },
  {
    type: 'message',
    role: 'user',
    content: [
      { type: 'input_text', text: 'userwords\nzeile' },
      { type: 'input_image', image_url: 'dragoman-media:sha256:abcdef;type=image/png;bytes=1' },
      { type: 'input_file', file_data: 'filebase64', filename: 'report.pdf' },
    ],
  },
  {
    type: 'reasoning',
    id: 'rs_hidden',
    encrypted_content: 'sealedwords',
    summary: [{ text: 'summarywords' }],
  },
  {
    type: 'function_call',
    call_id: 'call_hidden',
    name: 'read_file',
    arguments: JSON.stringify({ path: 'src\\argwords', text: 'line\nnextline' }),
  },
  { type: 'function_call_output', call_id: 'call_hidden', output: `toolwords ${'QUJD'.repeat(60)} tail` },
]
const request = {
  model: 'modelhidden',
  instructions: 'instructionwords',
  input,
  tools: [{ type: 'function', name: 'toolhidden', description: 'schemahidden', parameters: {} }],
  prompt: { id: 'prompthidden', variables: { city: 'variablewords' } },
}
const output = [
  { type: 'reasoning', id: 'rs_hidden', summary: [{ type: 'summary_text', text: 'thoughtwords' }] },
  {
    type: 'message',
    id: 'msg_hidden',
    content: [{ type: 'output_text', text: 'answerwords', annotations: [] }],
  },
  { type: 'function_call', id: 'fc_hidden', name: 'outname', arguments: '{"a":"outargs"}' },
]
const wanted = [
  'devwords',
  'userwords',
  'zeile',
  'report.pdf',
  'summarywords',
  'read_file',
  'argwords',
  'toolwords',
  'tail',
  'instructionwords',
  'variablewords',
]
const said = ['thoughtwords', 'answerwords', 'outname', 'outargs']

const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const event = (value: { type: string; [name: string]: unknown }) =>
  `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`

function assertWords(text: string, words: readonly string[]): void {
  for (const word of words) assert.ok(text.includes(word), `${word} is not in ${text}`)
  assert.doesNotMatch(text, /hidden|sealed|base64|dragoman-media|QUJDQUJD/)
  // An escape must not stick to the word after it.
  assert.doesNotMatch(text, /\\|nnextline/)
}

describe('the text of a request', () => {
  it('is what people, models and tools wrote', () => {
    const text = collectText({ request: json(request), response: json({ output }), error: 'errorwords' })
    assertWords(text, [...wanted, ...said, 'errorwords'])
    assert.equal(collectText({ request: json({ input: 'plain' }), response: null, error: null }), 'plain')
  })

  it('comes from the end of a stream, or from what there is of one that was cut', () => {
    const deltas = [
      event({ type: 'response.created', response: { instructions: 'echohidden', output: [] } }),
      event({ type: 'response.reasoning_summary_text.delta', item_id: 'rs', delta: 'thought' }),
      event({ type: 'response.reasoning_summary_text.delta', item_id: 'rs', delta: 'words' }),
      event({ type: 'response.output_text.delta', item_id: 'm', delta: 'answer' }),
      event({ type: 'response.output_text.delta', item_id: 'm', delta: 'words' }),
      event({ type: 'response.function_call_arguments.delta', item_id: 'f', delta: 'outargs outname' }),
    ].join('')
    const ends = ['response.completed', 'response.incomplete', 'response.failed'].map((type) =>
      event({ type, response: { tools: ['toolhidden'], output } }),
    )
    for (const end of ends) {
      for (const tail of ['', 'data: [DONE]\n\n'])
        assertWords(
          collectText({ request: null, response: Buffer.from(deltas + end + tail), error: null }),
          said,
        )
      const cut = Buffer.from(deltas + end.slice(0, -30))
      assertWords(collectText({ request: null, response: cut, error: null }), said)
    }
  })

  it('never fails, wherever a body was cut, and has the words before the cut', () => {
    const body = json(request)
    for (let length = 0; length <= body.length; length += 1) {
      const text = collectText({
        request: body.subarray(0, length),
        response: body.subarray(length),
        error: null,
      })
      const before = body.indexOf('toolwords') + 'toolwords'.length
      assert.equal(text.includes('toolwords'), length >= before, `cut at ${length}`)
    }
    for (const odd of [
      '',
      '{',
      'null',
      '[]',
      '"a"',
      '\u0000',
      'data: {',
      '\ndata: {\n',
      '{"input":5}',
      '{"output":{}}',
    ])
      assert.equal(collectText({ request: Buffer.from(odd), response: Buffer.from(odd), error: null }), '')
    const deep = Buffer.from(`{"input":${'['.repeat(5000)}"x"${']'.repeat(5000)}}`)
    assert.equal(collectText({ request: deep, response: null, error: null }), '')
    const bytes = Buffer.from([0x7b, 0xff, 0xc3, 0x22])
    assert.equal(collectText({ request: bytes, response: bytes, error: null }), '')
  })

  it('is bounded: the answer first, then the newest input, of instructions a part', () => {
    const long = {
      instructions: 'instruction '.repeat(5000),
      input: Array.from({ length: 40 }, (_, index) => ({
        role: 'user',
        content: `item${index} ${'w '.repeat(1000)}`,
      })),
    }
    const text = collectText({ request: json(long), response: json({ output }), error: null })
    assert.ok(text.length <= longestText + 100)
    assertWords(text, [...said, 'item39', 'item30'])
    assert.ok(!text.includes('item0 '))
    const few = collectText({ request: json({ ...long, input: 'short' }), response: null, error: null })
    assert.ok(few.startsWith('short\ninstruction ') && few.length < 2100)
  })
})
