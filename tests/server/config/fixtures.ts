/** Stand-ins for variants: the configuration reads nothing of them but their data. */
import assert from 'node:assert/strict'
import { type LoadOptions, loadConfig } from '../../../server/config/load.ts'
import { ConfigError, type ConfigProblem } from '../../../server/config/problems.ts'
import type { Runtime } from '../../../server/config/runtime.ts'
import type { Translators } from '../../../server/config/schema.ts'
import type { Translator } from '../../../translators/shared/translator.ts'

function neverCalled(): never {
  throw new Error('the configuration does not translate')
}

export function fakeTranslator(data: Partial<Translator> & { id: string }): Translator {
  return {
    title: data.id,
    contract: { document: `${data.id}.txt`, fields: {}, additionalProperties: 'drop' },
    options: { type: 'object', additionalProperties: false, properties: {} },
    credentials: [['apiKey']],
    request: neverCalled,
    response: neverCalled,
    stream: neverCalled,
    failure: neverCalled,
    ...data,
  }
}

export const fakeTranslators: Translators = {
  plain: fakeTranslator({
    id: 'plain',
    options: {
      type: 'object',
      additionalProperties: false,
      properties: {
        stream: {
          type: 'string',
          enum: ['native', 'synthesize'],
          default: 'synthesize',
          description: 'How it streams.',
        },
      },
    },
  }),
  limited: fakeTranslator({
    id: 'limited',
    title: 'Limited',
    contract: {
      document: 'limited-document.txt',
      fields: {},
      additionalProperties: 'drop',
      models: { only: ['gpt-oss-120b'], source: 'Only this one.' },
    },
    options: {
      type: 'object',
      additionalProperties: false,
      properties: {
        models: {
          type: 'array',
          items: { type: 'string' },
          default: [],
          description: 'What else it serves.',
        },
      },
    },
  }),
  either: fakeTranslator({ id: 'either', credentials: [['adminKey'], ['apiKey']] }),
  keyless: fakeTranslator({ id: 'keyless', credentials: [[], ['apiKey']] }),
}

export const plainProvider = { variant: 'plain', baseUrl: 'https://plain.example/v1', apiKey: 'plain-secret' }

export function load(config: LoadOptions['config'], options: Partial<LoadOptions> = {}): Runtime {
  return loadConfig({ config, source: 'test.json', translators: fakeTranslators, ...options })
}

/** A runtime of one plain provider and what is given. */
export function loadWith(config: Record<string, unknown>, options: Partial<LoadOptions> = {}): Runtime {
  return load({ providers: { plain: plainProvider }, ...config }, options)
}

export function findProblems(run: () => unknown): readonly ConfigProblem[] {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.problems
  }
  assert.fail('no problem was found')
}

/** Exactly one problem, at the path, saying what the pattern says. */
export function assertProblem(run: () => unknown, path: string, message: RegExp): void {
  const problems = findProblems(run)
  assert.equal(problems.length, 1, JSON.stringify(problems, null, 1))
  assert.equal(problems[0]!.path, path)
  assert.match(problems[0]!.message, message)
}
