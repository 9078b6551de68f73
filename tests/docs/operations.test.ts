/** The chapter on operations, against the rules, the commands and the gateway that it speaks of. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { after, before, it } from 'node:test'
import { commands } from '../../server/commands/index.ts'
import { errorKinds } from '../../server/errors.ts'
import { listRules } from '../deploy/deployed.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

const root = new URL('../../', import.meta.url)
const documents = ['README.md', 'CHANGELOG.md', 'docs/operations.md', 'deploy/README.md'] as const

function read(path: string): string {
  return readFileSync(new URL(path, root), 'utf8')
}

const chapter = read('docs/operations.md')

/** The cells of each row of the first table under a heading, without its head. */
function rowsUnder(heading: string): string[][] {
  const section = chapter.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0]
  const rows = section?.match(/^\|.*\|$/gm)?.slice(2)
  assert.ok(rows, `no table under ${heading}`)
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  )
}

let gateway: TestGateway
before(async () => {
  gateway = await startGateway()
})
after(() => gateway.close())

it('the alerts of the table are those of the rules, as severe', () => {
  const rules = listRules().flatMap(({ alert, labels }) =>
    alert === undefined ? [] : [[`\`${alert}\``, labels?.severity]],
  )
  assert.ok(rules.length >= 20)
  assert.deepEqual(
    rowsUnder('Alerts').map(([name, severity]) => [name, severity]),
    rules,
  )
  for (const [name, , meaning, advice] of rowsUnder('Alerts')) assert.ok(meaning && advice, name)
})

it('the commands of the table are those that there are, with their options', () => {
  const told = rowsUnder('Commands').map(([name, options = '']) => [name, options.split(', ')])
  const known = commands.map(({ name, options }) => [
    `\`${name}\``,
    options.map(({ flag, value }) => `\`${value === null ? flag : `${flag} ${value}`}\``),
  ])
  assert.deepEqual(told, known)
})

it('what the documents call metrics, options and errors are some', async () => {
  const scrape = await (await fetch(`${gateway.origin}/metrics`)).text()
  const series = new Set([...scrape.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]))
  const schema = JSON.stringify(await (await fetch(`${gateway.origin}/config.schema.json`)).json())
  const codes = new Set(Object.keys(errorKinds))
  for (const path of documents) {
    const text = read(path)
    for (const [, name = ''] of text.matchAll(/`(dragoman_[a-z_]+[a-z])`/g))
      assert.ok(series.has(name), `${path}: no metric ${name}`)
    for (const [, name = ''] of text.matchAll(/`(?:log|state|limits|store)\.(?:[a-z]+\.)*([A-Za-z]+)[`:]/g))
      assert.ok(schema.includes(`"${name}":`), `${path}: no option ${name}`)
    for (const [, code = ''] of text.matchAll(/\b(?:400|409|503) `([a-z_]+)`/g))
      assert.ok(codes.has(code) || code === 'query_timeout' || code === 'query_overload', `${path}: ${code}`)
  }
})

it('every link between the documents leads to something', () => {
  const anchor = (heading: string) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
  const anchorsOf = (path: string) =>
    [...read(path).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => anchor(text))
  for (const path of documents) {
    const links = [...read(path).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)]
    for (const [link, file = '', part] of links) {
      const target =
        file === '' ? path : new URL(file, new URL(path, root)).pathname.slice(root.pathname.length)
      assert.ok(existsSync(new URL(target, root)), `${path}: ${link}`)
      if (part !== undefined) assert.ok(anchorsOf(target).includes(part), `${path}: ${link}`)
    }
  }
})
