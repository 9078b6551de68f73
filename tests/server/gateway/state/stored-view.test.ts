import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { viewItem, viewResponse } from '../../../../server/gateway/state/stored-view.ts'
import type { StoredResponse } from '../../../../server/store/state/state.ts'
import type { Item } from '../../../../translators/shared/canonical.ts'

const reasoning: Item = {
  id: 'rs_1',
  type: 'reasoning',
  status: 'completed',
  summary: [],
  encrypted_content: 'dgm1.sealed',
}
const { encrypted_content: _sealed, ...hidden } = reasoning
const compaction: Item = { id: 'cmp_1', type: 'compaction', encrypted_content: 'dgm1.sealed' }

function store(members: Partial<StoredResponse>): StoredResponse {
  return {
    id: 'resp_1',
    previousId: null,
    provider: 'one',
    status: 'completed',
    input: [],
    output: [],
    expiresAt: null,
    bytes: 0,
    kind: 'response',
    createdAt: 0,
    conversation: null,
    background: false,
    streamed: false,
    include: [],
    body: '{"id":"resp_1","status":"completed","output":[],"metadata":{"output":"[]"}}',
    ...members,
  }
}

describe('a kept response as it is shown', () => {
  it('has its output in its place, and the text of it at the end', () => {
    const message: Item = { id: 'msg_1', type: 'message', content: [{ type: 'output_text', text: 'hi' }] }
    assert.equal(
      JSON.stringify(viewResponse(store({ output: [message] }), [])),
      `{"id":"resp_1","status":"completed","output":[${JSON.stringify(message)}],"metadata":{"output":"[]"},"output_text":"hi"}`,
    )
  })
  it('has no text while it runs', () => {
    for (const status of ['queued', 'in_progress'] as const)
      assert.equal('output_text' in viewResponse(store({ status }), []), false)
    for (const status of ['failed', 'incomplete', 'cancelled'] as const)
      assert.equal(viewResponse(store({ status }), []).output_text, '')
  })
  it('hides encrypted reasoning, and nothing else, unless it was or is asked for', () => {
    const output = [reasoning, compaction]
    const include = ['reasoning.encrypted_content']
    assert.deepEqual(viewResponse(store({ output }), ['made.up']).output, [hidden, compaction])
    assert.deepEqual(viewResponse(store({ output }), include).output, output)
    assert.deepEqual(viewResponse(store({ output, include }), []).output, output)
    assert.equal(reasoning.encrypted_content, 'dgm1.sealed', 'what is kept stays as it is')
  })
})

describe('an item as it is listed', () => {
  it('is a message with parts, by its role', () => {
    const message = { id: 'msg_1', type: 'message', status: 'completed' }
    assert.deepEqual(viewItem({ ...message, role: 'developer', content: 'a' }, false), {
      ...message,
      role: 'developer',
      content: [{ type: 'input_text', text: 'a' }],
    })
    const content = [{ type: 'output_text', text: 'b', annotations: [], logprobs: [] }]
    assert.deepEqual(viewItem({ ...message, role: 'assistant', content: 'b' }, false), {
      ...message,
      role: 'assistant',
      content,
    })
    const annotated = {
      type: 'output_text',
      text: 'c',
      annotations: [{ type: 'url_citation' }],
      logprobs: [],
    }
    assert.deepEqual(viewItem({ ...message, content: [annotated] }, false).content, [annotated])
  })
  it('has the members that clients read of images, in messages and in outputs', () => {
    const image = { type: 'input_image', file_id: 'file_1' }
    const whole = { ...image, image_url: null, detail: 'auto' }
    assert.deepEqual(viewItem({ type: 'message', content: [image] }, false).content, [whole])
    assert.deepEqual(viewItem({ type: 'function_call_output', output: [image] }, false).output, [whole])
    assert.equal(viewItem({ type: 'function_call_output', output: 'text' }, false).output, 'text')
    const detailed = { type: 'input_image', image_url: 'https://example.com/a.png', detail: 'low' }
    assert.deepEqual(viewItem({ type: 'message', content: [detailed] }, false).content, [detailed])
  })
  it('has no null where clients expect absence', () => {
    const item: Item = { type: 'reasoning', id: 'rs_1', summary: [], content: null, encrypted_content: null }
    assert.deepEqual(viewItem(item, true), { type: 'reasoning', id: 'rs_1', summary: [] })
    assert.deepEqual(viewItem({ type: 'message', role: 'assistant', phase: null, content: [] }, true), {
      type: 'message',
      role: 'assistant',
      content: [],
    })
  })
  it('hides encrypted reasoning unless it is asked for', () => {
    assert.deepEqual(viewItem(reasoning, false), hidden)
    assert.deepEqual(viewItem(reasoning, true), reasoning)
    assert.deepEqual(viewItem(compaction, false), compaction)
  })
})
