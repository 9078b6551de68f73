/** Counting with a tokenizer, in a thread of its own, and what happens when that does not come to an end. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { estimateInput } from '../../../server/gateway/estimate-usage.ts'
import { createTokenCounter } from '../../../server/gateway/token-counter.ts'

/** Brackets of one message. */
const bracket = 4
const counter = createTokenCounter({ patience: 60_000, idleTime: 20 })
after(() => counter.close())
const count = (input: string) => counter.countInput({ model: 'm', input })
const message = (text: string) => ({
  type: 'message',
  role: 'assistant',
  content: [{ type: 'output_text', text }],
})

describe('a count of tokens', () => {
  it('is that of the tokenizer, also for texts that look like its own markers', async () => {
    for (const text of [
      'Hello, wonderful world!',
      '漢字かな한글 🎉',
      'function f() {\n\n  return 1\n}',
      '<|endoftext|> x',
    ])
      assert.deepEqual(await count(text), {
        tokens: bracket + countTokens(text, { disallowedSpecial: new Set() }),
        estimator: 'gpt-tokenizer/o200k_base',
      })
  })

  it('tells input, output and reasoning apart, with what is read beside the input', async () => {
    const request = {
      model: 'm',
      input: 'one two',
      instructions: 'three',
      tools: [{ type: 'function', name: 'f' }],
    }
    const reasoning = { type: 'reasoning', summary: [{ type: 'summary_text', text: 'so so so' }] }
    const { usage } = await counter.countUsage(request, [reasoning, message('four')])
    const input = 2 + bracket + 1 + bracket + countTokens(JSON.stringify(request.tools))
    assert.deepEqual(usage, {
      input_tokens: input,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 4,
      output_tokens_details: { reasoning_tokens: 3 },
      total_tokens: input + 4,
    })
  })

  it('counts pictures and files by rule, and says so', async () => {
    const content = [
      { type: 'input_text', text: 'look' },
      { type: 'input_image', image_url: 'https://example.test/a.png' },
      { type: 'input_image', image_url: 'https://example.test/b.png', detail: 'low' },
    ]
    const input = [{ type: 'message', role: 'user', content }]
    assert.deepEqual(await counter.countInput({ model: 'm', input }), {
      tokens: bracket + 1 + 765 + 85,
      estimator: 'gpt-tokenizer/o200k_base+media',
    })
  })

  it('takes long runs without a space in their stride, near what the tokenizer says of shorter ones', async () => {
    const { tokens } = await count('a'.repeat(300_000))
    assert.ok(Math.abs(tokens - 300_000 / 8) < 400, String(tokens))
    assert.ok((await count('漢'.repeat(50_000))).tokens > 10_000)
    const words = 'several words of a text '.repeat(5_000)
    assert.equal((await count(words)).tokens, bracket + countTokens(words), 'and words are not cut at all')
  })

  it('leaves the event loop alone, and goes on after the thread has ended for want of work', async () => {
    let turns = 0
    const ticking = setInterval(() => (turns += 1), 1)
    await count('words and more words '.repeat(50_000))
    clearInterval(ticking)
    assert.ok(turns > 0)
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.equal((await count('again')).estimator, 'gpt-tokenizer/o200k_base')
  })
})

describe('without the tokenizer', () => {
  const request = { model: 'm', input: 'x'.repeat(400) }
  const byLength = { tokens: estimateInput(request), estimator: 'characters' }

  it('texts are counted by their length: too many of them, a thread that dies or hangs, a closed counter', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dragoman-test-'))
    const scriptOf = async (name: string, code: string) => {
      await writeFile(join(folder, name), code)
      return pathToFileURL(join(folder, name))
    }
    const dies = await scriptOf('dies.mjs', "throw new Error('no tables')")
    const leaves = await scriptOf(
      'leaves.mjs',
      "import('node:worker_threads').then(({ parentPort }) => parentPort.on('message', () => process.exit(0)))",
    )
    const hangs = await scriptOf(
      'hangs.mjs',
      "import('node:worker_threads').then(({ parentPort }) => parentPort.on('message', () => {}))",
    )
    for (const options of [
      { script: dies },
      { script: leaves },
      { script: hangs, patience: 50 },
      { maxCharacters: 399 },
    ]) {
      const failing = createTokenCounter(options)
      assert.deepEqual(await failing.countInput(request), byLength)
      assert.deepEqual(await failing.countInput(request), byLength, 'and again')
      const { usage, estimator } = await failing.countUsage(request, [message('x'.repeat(40))])
      assert.deepEqual([usage.output_tokens, estimator], [10, 'characters'])
      await failing.close()
      assert.deepEqual(await failing.countInput(request), byLength)
    }
    await rm(folder, { recursive: true })
  })
})
