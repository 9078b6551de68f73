/** The rules of the house that a reader cannot see in one file: who may import whom, and what may stand where. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { translators } from '../translators/index.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const files = globSync(['server/**/*.ts', 'translators/**/*.ts', 'dashboard/**/*.ts'], {
  cwd: root,
  exclude: (path) => path.includes('dashboard/dist'),
}).map((path) => path.replaceAll('\\', '/'))

interface Import {
  file: string
  target: string
  typeOnly: boolean
}

/** Imports and re-exports of a file; relative ones as paths from the root. */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8')
  const found: Import[] = []
  for (const match of text.matchAll(
    /^\s*(?:import|export)\s+(type\s)?(?:[^'"]*?\sfrom\s+)?['"]([^'"]+)['"]/gm,
  )) {
    const specifier = match[2] as string
    const target = specifier.startsWith('.')
      ? relative(root, join(root, dirname(file), specifier))
      : specifier
    found.push({ file, target, typeOnly: match[1] !== undefined })
  }
  for (const match of text.matchAll(/import\(\s*['"]([^'"]+)['"]\s*\)/g)) {
    const specifier = match[1] as string
    const target = specifier.startsWith('.')
      ? relative(root, join(root, dirname(file), specifier))
      : specifier
    found.push({ file, target, typeOnly: false })
  }
  return found
}

const imports = files.flatMap(importsOf)
const isLocal = (target: string) => /^(?:server|translators|dashboard|tests)\//.test(target)

/** Leaves: they import nothing of the project and any part of the server may use them. */
const leaves = ['server/csv.ts', 'server/errors.ts', 'server/headers.ts', 'server/version.ts']

/** Each folder, and what its files may import by value beside the leaves; types may come from `types` as well. Itself is always allowed. */
const arrows: { from: string; may: string[]; types?: string[] }[] = [
  { from: 'translators/shared/', may: [] },
  { from: 'translators/responses/', may: ['translators/shared/'] },
  ...Object.keys(translators).map((id) => ({
    from: `translators/${id}/`,
    may: ['translators/shared/', 'translators/responses/'],
  })),
  {
    from: 'server/store/',
    // What a row keeps of a cost is packed where it is made; money is written one way; what is to come is no matter of rows.
    may: [
      'translators/shared/',
      'server/gateway/money/pack-cost.ts',
      'server/gateway/money/format-cost.ts',
      'server/gateway/money/forecast-spend.ts',
    ],
    types: ['server/http/admin/', 'server/gateway/exchange.ts', 'server/gateway/money/'],
  },
  {
    from: 'server/upstream/',
    may: ['translators/shared/'],
    types: ['server/config/runtime.ts'],
  },
  {
    from: 'server/gateway/',
    may: ['translators/'],
    types: ['server/config/runtime.ts', 'server/upstream/', 'server/store/'],
  },
  {
    from: 'server/telemetry/',
    may: ['server/gateway/', 'translators/shared/'],
    types: ['server/store/', 'server/config/runtime.ts'],
  },
  {
    from: 'server/http/',
    may: ['server/gateway/', 'server/config/', 'translators/shared/'],
    types: ['server/store/'],
  },
  {
    from: 'server/jobs/',
    may: ['server/gateway/', 'translators/shared/'],
    types: ['server/store/', 'server/config/runtime.ts'],
  },
  // A template is checked by the rules of the request that it becomes.
  { from: 'server/config/', may: ['translators/', 'server/gateway/prompt-template.ts'] },
  { from: 'dashboard/', may: [], types: ['server/http/admin/'] },
]

describe('imports', () => {
  for (const { from, may, types = [] } of arrows) {
    it(`${from} keeps to its arrows`, () => {
      const own = imports.filter(({ file }) => file.startsWith(from))
      assert.ok(
        files.some((file) => file.startsWith(from)),
        `no file stands in ${from}`,
      )
      const wrong = own.filter(({ target, typeOnly }) => {
        if (!isLocal(target) || target.startsWith(from)) return false
        const allowed = [...may, ...(from.startsWith('server/') ? leaves : []), ...(typeOnly ? types : [])]
        return !allowed.some((prefix) => target.startsWith(prefix))
      })
      assert.deepEqual(wrong, [])
    })
  }
  it('translators reach nothing of the world outside', () => {
    const wrong = imports.filter(({ file, target }) => {
      if (!file.startsWith('translators/') || isLocal(target)) return false
      return target.startsWith('node:') || builtinModules.includes(target) || !target.startsWith('.')
    })
    assert.deepEqual(wrong, [])
    const impure = files.filter((file) => {
      if (!file.startsWith('translators/')) return false
      const code = readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
      return /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bfetch\(|\bprocess\.|\bperformance\.|\bsetTimeout\(/.test(
        code,
      )
    })
    assert.deepEqual(impure, [])
  })
  it('only server/http knows Koa, only server/upstream calls out, only server/store speaks SQL', () => {
    const elsewhere = (folder: string, packages: RegExp) =>
      imports.filter(
        ({ file, target }) => packages.test(target) && !file.startsWith(folder) && file !== 'server/app.ts',
      )
    assert.deepEqual(elsewhere('server/http/', /^(?:koa|@koa\/router)$/), [])
    assert.deepEqual(elsewhere('server/upstream/', /^undici$/), [])
    assert.deepEqual(elsewhere('server/store/', /^better-sqlite3$/), [])
  })
})

describe('names and sizes', () => {
  it('no variant is named in the server outside of configuration and sandbox', () => {
    const wrong: string[] = []
    for (const file of files) {
      if (!file.startsWith('server/') || /^server\/(?:config|sandbox)\//.test(file)) continue
      const code = readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
      for (const id of Object.keys(translators)) {
        // 'openai' and 'open-responses' are the names of event dialects as well.
        if (id === 'openai' || id === 'open-responses') continue
        if (new RegExp(`['"\`]${id}['"\`]`).test(code)) wrong.push(`${file}: ${id}`)
      }
    }
    assert.deepEqual(wrong, [])
  })
  /** Files that may be longer, each with its reason. */
  const longer: Record<string, string> = {}
  it('no file grows past 300 lines without a reason', () => {
    const lines = (file: string) => readFileSync(join(root, file), 'utf8').trimEnd().split('\n').length
    const tooLong = files
      .filter((file) => lines(file) > 300 && !(file in longer))
      .map((file) => `${file}: ${lines(file)}`)
    assert.deepEqual(tooLong, [])
    assert.deepEqual(
      Object.keys(longer).filter((file) => !files.includes(file) || lines(file) <= 300),
      [],
      'no longer too long',
    )
  })
})
