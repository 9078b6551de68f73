import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cleanHarmonyName, cleanHarmonyText, HarmonyFilter } from '../../translators/shared/harmony.ts'

const cases: [string, { text: string; reasoning: string }][] = [
  ['Hello < world <| x', { text: 'Hello < world <| x', reasoning: '' }],
  ['<|channel|>final<|message|>Hi<|return|>', { text: 'Hi', reasoning: '' }],
  ['Hi<|end|><|start|>assistant<|channel|>analysis<|message|>Hm', { text: 'Hi', reasoning: 'Hm' }],
  [
    '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>',
    { text: '{}', reasoning: '' },
  ],
  ['A<|message|>B', { text: 'AB', reasoning: '' }],
  ['Half a token <|chan', { text: 'Half a token <|chan', reasoning: '' }],
  ['Text<|end|>more text', { text: 'Textmore text', reasoning: '' }],
  ['<|unknown|>stays', { text: '<|unknown|>stays', reasoning: '' }],
]

for (const [leaked, clean] of cases) {
  test(`cleans ${leaked}`, () => {
    assert.deepEqual(cleanHarmonyText(leaked), clean)
  })
}

test('any chunking gives the same', () => {
  const piece = fc.constantFrom(
    '<|start|>',
    '<|channel|>',
    '<|message|>',
    '<|end|>',
    'final',
    'analysis',
    'a<b',
    '<|',
    '|>',
  )
  fc.assert(
    fc.property(fc.array(piece), fc.array(fc.integer({ min: 1, max: 9 })), (pieces, sizes) => {
      const whole = pieces.join('')
      const filter = new HarmonyFilter()
      let text = ''
      let reasoning = ''
      let at = 0
      for (const size of [...sizes, whole.length + 1]) {
        const got = filter.push(whole.slice(at, at + size))
        at += size
        text += got.text
        reasoning += got.reasoning
      }
      const rest = filter.end()
      const all = new HarmonyFilter()
      const first = all.push(whole)
      const last = all.end()
      assert.equal(text + rest.text, first.text + last.text)
      assert.equal(reasoning + rest.reasoning, first.reasoning + last.reasoning)
    }),
  )
})

test('names lose what leaked into them', () => {
  assert.equal(cleanHarmonyName('get_weather<|channel|>commentary'), 'get_weather')
  assert.equal(cleanHarmonyName('functions.get_weather'), 'get_weather')
  assert.equal(cleanHarmonyName('assistant to=functions.get_weather'), 'get_weather')
  assert.equal(cleanHarmonyName('get_weather'), 'get_weather')
  assert.equal(cleanHarmonyName('<|x'), '<|x')
})
