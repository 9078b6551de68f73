/** What the README's tables claim of paths and headers, asked of a running gateway. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { after, before, it } from 'node:test'
import OpenAI from 'openai'
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

/** What a call of the table needs besides its path; every other POST is asked as `POST /v1/responses`. */
const bodies: { readonly [call: string]: unknown } = {
  'POST /v1/responses/{id}/cancel': undefined,
  'POST /v1/conversations': {},
  'POST /v1/conversations/{id}': { metadata: { known: 'yes' } },
  'POST /v1/conversations/{id}/items': { items: [{ role: 'user', content: 'hi' }] },
}

/** The path with ids of something that is there. */
async function fill(path: string): Promise<string> {
  if (path.startsWith('/v1/responses/{id}')) {
    const background = path.endsWith('/cancel')
    const made = await gateway.post({ model: 'gpt-4o', input: 'hi', background })
    return path.replace('{id}', ((await made.json()) as { id: string }).id)
  }
  if (path.startsWith('/v1/conversations/{id}')) {
    const { conversations } = new OpenAI({ baseURL: `${gateway.origin}/v1`, apiKey: 'none' })
    const { id } = await conversations.create({ items: [{ role: 'user', content: 'hi' }] })
    const { data } = await conversations.items.list(id)
    return path.replace('{id}', id).replace('{item}', String(data[0]?.id))
  }
  return path.replace('/v1/models/{id}', '/v1/models/gpt-4o').replace('{id}', 'known')
}

it('every path of the table is served', async () => {
  const answer = await gateway.post({ model: 'gpt-4o', input: 'hi' }, { 'x-request-id': 'known' })
  assert.equal(answer.status, 200)
  await gateway.app.flush()
  const calls = rowsUnder('Paths')
    .flatMap((cell) => [...cell.matchAll(/`(?:(GET|POST|DELETE) )?([^`]+)`/g)])
    .map((match) => ({ method: match[1] ?? 'GET', path: (match[2] as string).split('?')[0] as string }))
  assert.ok(calls.length >= 24)
  for (const { method, path } of calls) {
    const call = `${method} ${path}`
    const sent = call in bodies ? bodies[call] : { model: 'gpt-4o', input: 'hi' }
    const body = method === 'POST' && sent !== undefined ? JSON.stringify(sent) : undefined
    const { status } = await fetch(`${gateway.origin}${await fill(path)}`, {
      method,
      body,
      headers: {
        accept: 'text/html, */*',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
    })
    assert.equal(status, 200, call)
  }
})

it('every path that is served stands in a table', () => {
  const routes = readFileSync(new URL('../../server/http/app.ts', import.meta.url), 'utf8')
  const served = [...routes.matchAll(/router\.(get|post|delete)\(\s*'([^']+)'/g)].map(
    ([, method = '', path = '']) => `${method.toUpperCase()} ${path.replace(/[:*](\w+)/g, '{$1}')}`,
  )
  assert.ok(served.length >= 28)
  const named = new Set(
    [...readme.matchAll(/`(?:(GET|POST|DELETE) )?(\/[^`? ]*)[^`]*`/g)].map(
      ([, method = 'GET', path]) => `${method} ${path}`,
    ),
  )
  for (const call of served) assert.ok(named.has(call), `no table names ${call}`)
})

it('every header of ours that is read or sent stands in a table', () => {
  const folder = new URL('../../server/', import.meta.url)
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /^(http|gateway)\/.*\.ts$/.test(path),
  )
  const names = new Set(
    sources.flatMap((path) =>
      [
        ...readFileSync(new URL(path, folder), 'utf8').matchAll(
          /'(x-(?:dragoman|request|admin|project|should|idempotency)[a-z-]*|idempotent-[a-z]+|idempotency-key|server-timing|retry-after|traceparent)'/g,
        ),
      ].map((match) => match[1] as string),
    ),
  )
  assert.ok(names.size >= 12, [...names].join())
  const told = rowsUnder('Headers').join('\n')
  for (const name of names) assert.match(told, new RegExp(`\`${name}[\`:]`), `no row names ${name}`)
})

it('repeated calls have the headers of the table', async () => {
  const call = (input: string) =>
    gateway.post({ model: 'gpt-4o', input }, { 'idempotency-key': 'readme', 'x-request-id': 'mine' })
  const first = await call('hi')
  const again = await call('hi')
  assert.deepEqual(
    [first, again].map(({ headers }) => headers.get('idempotent-replayed')),
    [null, 'true'],
  )
  const other = await call('something else')
  assert.deepEqual([other.status, other.headers.get('x-should-retry')], [409, 'false'])
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
