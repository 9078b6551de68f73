/** Reads the Prometheus text format, and the rules that `promtool check metrics` applies to it. */
import assert from 'node:assert/strict'

export interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}

export interface Family {
  name: string
  type: string
  help: string
  samples: Sample[]
}

const samplePattern = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/
const labelPattern = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(,|$)/y

/** Throws on a line that is no part of the format, and on a sample outside its family. */
export function parseExposition(text: string): Family[] {
  assert.ok(text.endsWith('\n'), 'the last line ends with a line feed')
  const families = new Map<string, Family>()
  let current: Family | undefined
  for (const line of text.split('\n')) {
    if (line === '') continue
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line)
    if (comment !== null) {
      const [, kind, name, rest] = comment as unknown as [string, string, string, string]
      if (kind === 'HELP') {
        assert.ok(!families.has(name), `${name} stands twice`)
        current = { name, type: 'untyped', help: rest, samples: [] }
        families.set(name, current)
      } else {
        assert.equal(current?.name, name)
        current!.type = rest
      }
      continue
    }
    const sample = parseSample(line)
    assert.ok(current !== undefined && belongs(sample.name, current), `${line} outside its family`)
    current.samples.push(sample)
  }
  return [...families.values()]
}

function parseSample(line: string): Sample {
  const match = samplePattern.exec(line)
  assert.ok(match !== null, `not a sample: ${line}`)
  const labels: Record<string, string> = {}
  const text = match[2] ?? ''
  labelPattern.lastIndex = 0
  while (labelPattern.lastIndex < text.length) {
    const label = labelPattern.exec(text)
    assert.ok(label !== null, `labels of ${line}`)
    assert.ok(!(label[1]! in labels), `label ${label[1]} twice in ${line}`)
    labels[label[1]!] = label[2]!.replaceAll(/\\(.)/g, (_, escaped: string) =>
      escaped === 'n' ? '\n' : escaped,
    )
  }
  const value = match[3] === '+Inf' ? Number.POSITIVE_INFINITY : Number(match[3])
  assert.ok(match[3] === 'NaN' || !Number.isNaN(value), `value of ${line}`)
  return { name: match[1]!, labels, value }
}

function belongs(name: string, family: Family): boolean {
  if (family.type !== 'histogram') return name === family.name
  return ['_bucket', '_sum', '_count'].some((suffix) => name === family.name + suffix)
}

const types = ['counter', 'gauge', 'histogram', 'summary', 'untyped']
const abbreviations = ['s', 'ms', 'us', 'ns', 'sec', 'b', 'kb', 'mb', 'gb', 'tb', 'pb', 'm', 'h', 'd']
const baseUnits = [
  'amperes',
  'bytes',
  'celsius',
  'grams',
  'joules',
  'kelvin',
  'meters',
  'metres',
  'moles',
  'seconds',
  'volts',
]
const prefixes = [
  'pico',
  'nano',
  'micro',
  'milli',
  'centi',
  'deci',
  'deca',
  'hecto',
  'kilo',
  'kibi',
  'mega',
  'mibi',
  'mebi',
  'giga',
  'gibi',
  'tera',
  'tebi',
  'peta',
  'pebi',
]
const otherUnits = [
  'minutes',
  'hours',
  'days',
  'weeks',
  'kelvins',
  'fahrenheit',
  'rankine',
  'inches',
  'yards',
  'miles',
  'bits',
  'calories',
  'pounds',
  'ounces',
]

/** What promtool would say, one line per problem. */
export function findProblems(families: Family[]): string[] {
  return families.flatMap((family) => {
    const { name, type, help } = family
    const words = name.split('_')
    const labelNames = new Set(family.samples.flatMap((sample) => Object.keys(sample.labels)))
    const problems: [string, boolean][] = [
      ['no help text', help.trim() === ''],
      ['counter without _total', type === 'counter' && !name.endsWith('_total')],
      ['_total on what is no counter', type !== 'counter' && name.endsWith('_total')],
      ['reserved suffix', type !== 'histogram' && type !== 'summary' && /_(bucket|count|sum)$/.test(name)],
      [
        'reserved label',
        (type !== 'histogram' && labelNames.has('le')) || (type !== 'summary' && labelNames.has('quantile')),
      ],
      ['type in the name', types.some((word) => words.includes(word))],
      ['colon', name.includes(':')],
      ['camelCase', [name, ...labelNames].some((word) => /[a-z][A-Z]/.test(word))],
      ['abbreviated unit', abbreviations.some((unit) => words.includes(unit))],
      ['not a base unit', words.some((word) => otherUnits.includes(word) || isPrefixed(word))],
    ]
    return problems.filter(([, wrong]) => wrong).map(([problem]) => `${name}: ${problem}`)
  })
}

function isPrefixed(word: string): boolean {
  return prefixes.some((prefix) => word.startsWith(prefix) && baseUnits.includes(word.slice(prefix.length)))
}
