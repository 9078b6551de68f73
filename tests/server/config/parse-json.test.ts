import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseJsonText } from '../../../server/config/parse-json.ts'

function findMistakes(text: string): string[] {
  const parsed = parseJsonText(text)
  assert.equal(parsed.ok, false, text)
  return parsed.ok ? [] : parsed.mistakes.map(({ line, column, message }) => `${line}:${column} ${message}`)
}

describe('parseJsonText', () => {
  it('takes what JSON.parse takes', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(3), (text, indent) => {
        const spaced = JSON.stringify(JSON.parse(text), null, indent)
        assert.deepEqual(parseJsonText(spaced), { ok: true, value: JSON.parse(text) })
      }),
    )
  })

  it('refuses what JSON.parse refuses, and only that', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"b"',
      '1',
      '-',
      '0',
      '.5',
      'e3',
      'true',
      'nul',
      ' ',
      '\n',
      '"',
      '\\',
      '\u007f',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join('')
        let legal = true
        try {
          JSON.parse(text)
        } catch {
          legal = false
        }
        const parsed = parseJsonText(text)
        const repeated =
          !parsed.ok && parsed.mistakes.every(({ message }) => message.includes('stands twice'))
        assert.equal(parsed.ok || repeated, legal, text)
      }),
      { numRuns: 2000 },
    )
  })

  it('says line and column, and why', () => {
    assert.deepEqual(findMistakes('{\n  "a": 1,\n}'), [
      '3:1 expected a name in double quotes, found "}" (JSON has no trailing commas)',
    ])
    assert.deepEqual(findMistakes('[1,]'), ['1:4 expected a value, found "]" (JSON has no trailing commas)'])
    assert.deepEqual(findMistakes("{'a': 1}"), [
      '1:2 expected a name in double quotes, found "\'" (strings are in double quotes)',
    ])
    assert.deepEqual(findMistakes('{"a": 1'), ['1:8 expected "," or "}", found the end of the file'])
    assert.deepEqual(findMistakes(''), ['1:1 expected a value, found the end of the file'])
    assert.deepEqual(findMistakes('{"a" 1}'), ['1:6 expected ":", found "1"'])
    assert.deepEqual(findMistakes('{} x'), ['1:4 expected the end of the file, found "x"'])
    assert.match(findMistakes('{"a": "secret\n"}')[0]!, /^1:7 this string is not closed/)
    assert.doesNotMatch(findMistakes('{"a": "secret\n"}')[0]!, /secret/)
  })

  it('finds every name that stands twice', () => {
    const mistakes = findMistakes('{"a": {"x": 1,\n "x": 2}, "b": 1,\n"\\u0061": 2}')
    assert.deepEqual(mistakes, [
      '2:2 "x" stands twice in one object; remove one',
      '3:1 "a" stands twice in one object; remove one',
    ])
    assert.equal(parseJsonText('[{"a":1},{"a":1}]').ok, true)
  })

  it('has a bound for nesting', () => {
    assert.match(findMistakes('['.repeat(100_000))[0]!, /nested deeper than 200/)
    assert.equal(parseJsonText(`${'['.repeat(200)}${']'.repeat(200)}`).ok, true)
  })
})
