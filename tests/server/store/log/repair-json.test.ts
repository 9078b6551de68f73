import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { repairJson } from '../../../../server/store/log/repair-json.ts'

test('JSON that is cut anywhere can be parsed, and says nothing that it did not say', () => {
  const value = fc.oneof(
    fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
    fc.array(fc.jsonValue()),
  )
  fc.assert(
    fc.property(value, fc.nat(), (value, at) => {
      const text = JSON.stringify(value)
      const cut = text.slice(0, 1 + (at % text.length))
      assertPart(JSON.parse(repairJson(cut)), JSON.parse(text))
    }),
    { numRuns: 2000 },
  )
})

/** Whether `part` is the beginning of `whole`. */
function assertPart(part: unknown, whole: unknown): void {
  if (typeof part === 'string') {
    assert.ok(typeof whole === 'string')
    // The cut may have parted a pair of surrogates that was escaped.
    assert.ok(whole.startsWith(part))
  } else if (Array.isArray(part)) {
    assert.ok(Array.isArray(whole))
    for (const [index, entry] of part.entries()) assertPart(entry, whole[index])
  } else if (typeof part === 'object' && part !== null) {
    for (const [name, member] of Object.entries(part)) {
      assert.ok(Object.hasOwn(whole as object, name))
      assertPart(member, (whole as Record<string, unknown>)[name])
    }
  } else assert.deepEqual(part, whole)
}

test('strings end where they were cut, other values go', () => {
  const cases: [string, unknown][] = [
    ['{"a":"x\\', { a: 'x' }],
    ['{"a":"x\\u00e', { a: 'x' }],
    ['{"a":"x\\\\u00e', { a: 'x\\u00e' }],
    ['{"a":"x\\"', { a: 'x"' }],
    ['{"a":12', {}],
    ['{"a":[1,tru', { a: [1] }],
    ['{"a":{"b":"c","d', { a: { b: 'c' } }],
    ['{"a":"b"}', { a: 'b' }],
  ]
  for (const [cut, wanted] of cases) assert.deepEqual(JSON.parse(repairJson(cut)), wanted, cut)
})
