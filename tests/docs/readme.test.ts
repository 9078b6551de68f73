/** What the README's tables claim of paths and headers, asked of a running gateway. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, it } from 'node:test'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

/** The first cells of the table under a heading. */
function rowsUnder(heading: string): string[] {
  const section = readme.split(`### ${heading}\n`)[1]?.split('\n#')[0]
  assert.ok(section, `no section ${heading}`)
  return [...section.matchAll(/^\| (`[^|]*(?:\\\|[^|]*)*) \|/gm)].map((match) => match[1] as string)
}

let gateway: TestGateway
before(async () => {
  gateway = await startGateway()
})
after(() => gateway.close())

it('every path of the table is served', async () => {
  const answer = await gateway.post({ model: 'gpt-4o', input: 'hi' }, { 'x-request-id': 'known' })
  assert.equal(answer.status, 200)
  await gateway.app.flush()
  const calls = rowsUnder('Paths')
    .flatMap((cell) => [...cell.matchAll(/`(?:(GET|POST) )?([^`]+)`/g)])
    .map((match) => ({ method: match[1] ?? 'GET', path: (match[2] as string).split('?')[0] as string }))
  assert.ok(calls.length >= 12)
  for (const { method, path } of calls) {
    const filled = path.replace('/v1/models/{id}', '/v1/models/gpt-4o').replace('{id}', 'known')
    const body = method === 'POST' ? JSON.stringify({ model: 'gpt-4o', input: 'hi' }) : undefined
    const { status } = await fetch(`${gateway.origin}${filled}`, {
      method,
      body,
      headers: {
        accept: 'text/html, */*',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
    })
    assert.equal(status, 200, `${method} ${filled}`)
  }
})

it('every response header of the table is sent', async () => {
  const answer = await gateway.post({
    model: 'balanced',
    input: 'hi',
    max_output_tokens: 9000,
    presence_penalty: 1,
  })
  const names = rowsUnder('Headers')
    .flatMap((cell) => [...cell.matchAll(/`([a-z-]+)`/g)])
    .map((match) => match[1] as string)
    .filter((name) => name.startsWith('x-dragoman') || name === 'server-timing' || name === 'x-request-id')
  assert.ok(names.length >= 5)
  for (const name of names) assert.ok(answer.headers.get(name), name)
  const example = /e\.g\. `([^`]+)`/
    .exec(readme.split('`x-dragoman-adaptations` |')[1] ?? '')?.[1]
    ?.split(', ')
    .sort()
  assert.deepEqual(answer.headers.get('x-dragoman-adaptations')?.split(', ').sort(), example)
})
