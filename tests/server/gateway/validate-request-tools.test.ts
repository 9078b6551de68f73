import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { validateRequest } from '../../../server/gateway/validate-request.ts'

import { base, functionTool, refusal } from './validate-request-refusal.ts'

describe('tools and tool_choice', () => {
  it('accepts tools of every kind', () => {
    const tools = [
      functionTool,
      { type: 'function', name: 'a-b_C9', description: null, parameters: null, strict: null },
      { type: 'function', name: 'bare' },
      { type: 'custom', name: 'c', format: { type: 'grammar', syntax: 'lark', definition: 'x' } },
      { type: 'namespace', name: 'mcp__x', description: 'd', tools: [functionTool] },
      { type: 'web_search' },
      { type: 'mcp', server_label: 'x', server_url: 'https://x' },
      { type: 'acme:tool', anything: 1 },
    ]
    const body = { ...base, tools, tool_choice: 'auto' }
    assert.equal(validateRequest(body), body)
    validateRequest({ ...base, tools: [] })
    validateRequest({
      ...base,
      tools: Array.from({ length: 128 }, (_, index) => ({ ...functionTool, name: `f${index}` })),
    })
  })

  const badTools: [unknown, string][] = [
    ['x', 'tools'],
    [Array(129).fill(functionTool), 'tools'],
    [[functionTool, 'x'], 'tools[1]'],
    [[{ name: 'f' }], 'tools[0].type'],
    [[{ type: 'function' }], 'tools[0].name'],
    [[{ type: 'function', name: '' }], 'tools[0].name'],
    [[{ type: 'function', name: 'x'.repeat(65) }], 'tools[0].name'],
    [[{ type: 'function', name: 'a b' }], 'tools[0].name'],
    [[{ type: 'function', function: { name: 'f' } }], 'tools[0].name'],
    [[{ ...functionTool, parameters: 'x' }], 'tools[0].parameters'],
    [[{ ...functionTool, strict: 'yes' }], 'tools[0].strict'],
    [[{ ...functionTool, description: 1 }], 'tools[0].description'],
    [[{ type: 'custom' }], 'tools[0].name'],
    [[{ type: 'namespace', name: 'n' }], 'tools[0].tools'],
    [[{ type: 'namespace', name: 'n', tools: [{ type: 'function' }] }], 'tools[0].tools[0].name'],
  ]
  for (const [tools, param] of badTools) {
    it(`refuses ${JSON.stringify(tools).slice(0, 70)}`, () => {
      assert.equal(refusal({ ...base, tools }).param, param)
    })
  }

  it('says that tools are flat here', () => {
    assert.match(
      refusal({ ...base, tools: [{ type: 'function', function: { name: 'f' } }] }).message,
      /stand in the tool itself/,
    )
  })

  const tools = [
    functionTool,
    { type: 'custom', name: 'c' },
    { type: 'namespace', name: 'ns', tools: [{ type: 'function', name: 'g' }] },
  ]
  it('accepts every form of tool_choice, and writes the nested ones flat', () => {
    const allowed = {
      type: 'allowed_tools',
      mode: 'auto',
      tools: [{ type: 'function', name: 'f' }, { type: 'web_search' }],
    }
    for (const choice of [
      'none',
      'auto',
      'required',
      { type: 'function', name: 'f' },
      { type: 'function', name: 'g' },
      { type: 'function', name: 'ns.g' },
      { type: 'custom', name: 'c' },
      { type: 'web_search_preview' },
      { type: 'mcp', server_label: 'x' },
      allowed,
    ]) {
      const body = { ...base, tools, tool_choice: choice }
      assert.equal(validateRequest(body), body)
    }
    const flat = { type: 'function', name: 'f' }
    const nested = { type: 'function', function: { name: 'f' } }
    assert.deepEqual(validateRequest({ ...base, tools, tool_choice: nested }).tool_choice, flat)
    const inner = { type: 'allowed_tools', mode: 'required', tools: [nested] }
    const outer = { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [nested] } }
    for (const choice of [inner, outer]) {
      assert.deepEqual(validateRequest({ ...base, tools, tool_choice: choice }).tool_choice, {
        ...inner,
        tools: [flat],
      })
    }
  })

  it('accepts "auto" and "none" without tools', () => {
    validateRequest({ ...base, tool_choice: 'auto' })
    validateRequest({ ...base, tool_choice: 'none', tools: null })
  })

  const badChoices: [unknown, string][] = [
    ['any', 'tool_choice'],
    [1, 'tool_choice'],
    [{}, 'tool_choice.type'],
    [{ type: 'function' }, 'tool_choice.name'],
    [{ type: 'function', name: 'unknown' }, 'tool_choice.name'],
    [{ type: 'function', function: { name: 'unknown' } }, 'tool_choice.name'],
    [{ type: 'custom', name: 'unknown' }, 'tool_choice.name'],
    [{ type: 'allowed_tools' }, 'tool_choice.tools'],
    [{ type: 'allowed_tools', tools: [] }, 'tool_choice.tools'],
    [{ type: 'allowed_tools', mode: 'any', tools: [functionTool] }, 'tool_choice.mode'],
    [{ type: 'allowed_tools', tools: ['f'] }, 'tool_choice.tools[0]'],
    [{ type: 'allowed_tools', tools: [{ type: 'function', name: 'unknown' }] }, 'tool_choice.tools[0].name'],
  ]
  for (const [choice, param] of badChoices) {
    it(`refuses ${JSON.stringify(choice)}`, () => {
      assert.equal(refusal({ ...base, tools, tool_choice: choice }).param, param)
    })
  }

  it('refuses "required" without tools, unless a prompt may bring them', () => {
    assert.equal(refusal({ ...base, tool_choice: 'required' }).param, 'tool_choice')
    validateRequest({ ...base, tool_choice: 'required', prompt: { id: 'p' } })
    validateRequest({ ...base, tool_choice: { type: 'function', name: 'theirs' }, prompt: { id: 'p' } })
  })
})
