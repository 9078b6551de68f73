/** The README's examples, run as they are printed, against a running gateway. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

const run = promisify(execFile)
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

let gateway: TestGateway
let folder: string
before(async () => {
  const [prices = ''] = examples('Money', 'json')
  gateway = await startGateway({ configure: (config) => ({ ...config, ...JSON.parse(prices) }) })
  folder = await mkdtemp(join(tmpdir(), 'dragoman-readme-'))
  await symlink(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(folder, 'node_modules'))
})
after(async () => {
  await gateway.close()
  await rm(folder, { recursive: true, force: true })
})

/** The code of one language in a chapter. */
function examples(chapter: string, language: string): string[] {
  const text = readme.split(`\n## ${chapter}\n`)[1]?.split('\n## ')[0]
  assert.ok(text, `no chapter ${chapter}`)
  const found = [...text.matchAll(/```(\w+)\n([\s\S]*?)```/g)].filter((match) => match[1] === language)
  assert.notEqual(found.length, 0, `no ${language} in ${chapter}`)
  return found.map((match) => match[2] as string)
}

/** With the address of the gateway under test. */
function here(source: string): string {
  return source.replaceAll('http://127.0.0.1:8787', gateway.origin)
}

async function runProgram(source: string): Promise<string> {
  await writeFile(join(folder, 'program.mjs'), here(source))
  const { stdout } = await run(process.execPath, ['program.mjs'], { cwd: folder })
  return stdout.trimEnd()
}

/** What the comments behind `console.log(…)` say that it prints. */
function promisedLines(source: string): string[] {
  return [...source.matchAll(/console\.log\(.*\) \/\/ (.+)$/gm)].map((match) => match[1] as string)
}

it('the first call works as printed', async () => {
  const numbers = Array.from({ length: 20 }, (_, index) => index + 1).join(' ')
  const [program = ''] = examples('A first call', 'js')
  assert.equal(await runProgram(program), `1 2 3\n${numbers}`)
})

it('the program of the chapters on state prints what its comments say', async () => {
  const program = [...examples('State', 'js'), ...examples('WebSockets', 'js')].join('\n')
  const promised = promisedLines(program)
  assert.equal(promised.length, program.split('console.log(').length - 1, 'each line printed has its comment')
  assert.ok(promised.length >= 12)
  assert.deepEqual((await runProgram(program)).split('\n'), promised)
})

for (const [chapter, promised] of [
  ['A first call', /"1 2 3"/],
  ['State', /Ada[\s\S]*"object":"list"[\s\S]*"deleted":true/],
  ['Prompt templates', /"default_version":"1"[\s\S]*Where is my order\?/],
  [
    'The record',
    /"output_text":"1 2 3[\s\S]*"session_id":"order-17"[\s\S]*"id":"order-17"[^}]*"requests":\d+,[\s\S]*# complete: [1-9]\d* rows/,
  ],
  [
    'Money',
    /"cost_usd":"(?!0\.0{9})[\d.]+"[\s\S]*"value":"deepseek-ai\/DeepSeek-V3.2"[\s\S]*\n2\d{3}-\d\d,value,blue,/,
  ],
] as const) {
  it(`the commands of “${chapter}” work as printed`, async () => {
    for (const commands of examples(chapter, 'sh')) {
      // On a machine that is busy the record may need longer than the commands wait.
      let stdout = ''
      for (let tries = 0; tries < 10 && !promised.test(stdout); tries += 1)
        stdout = (await run('sh', ['-ec', here(commands)])).stdout
      assert.match(stdout, promised)
      assert.doesNotMatch(stdout, /"error":\{/)
    }
  })
}
