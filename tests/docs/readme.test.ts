/** What the README's tables claim of paths, headers, filters and metrics, asked of a running gateway. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { after, before, it } from 'node:test'
import OpenAI from 'openai'
import { requestFilters } from '../../server/http/admin/contract-filters.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

function sectionUnder(heading: string): string {
  const section = readme.split(`# ${heading}\n`)[1]?.split('\n#')[0]
  assert.ok(section, `no section ${heading}`)
  return section
}

/** The first cells of the table under a heading. */
function rowsUnder(heading: string): string[] {
  const section = sectionUnder(heading)
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
  'POST /admin/reprice': { from: '2026-01-01', to: '2026-01-02' },
  'POST /admin/rollups/rebuild': { from: '2026-01-01', to: '2026-01-02' },
}

/** Long enough to be taken out of the body. */
const picture = Buffer.alloc(6000, 'a picture')

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
  if (path.endsWith('/export')) return `${path}?format=csv`
  return path
    .replace('{hash}', createHash('sha256').update(picture).digest('hex'))
    .replace('/v1/models/{id}', '/v1/models/gpt-4o')
    .replace('{id}', 'known')
}

/** What the tables of paths name. */
function listCalls(...headings: string[]): { method: string; path: string }[] {
  return headings
    .flatMap(rowsUnder)
    .flatMap((cell) => [...cell.matchAll(/`(?:(GET|POST|DELETE) )?(\/[^`]+)`/g)])
    .map((match) => ({ method: match[1] ?? 'GET', path: (match[2] as string).split(/[? ]/)[0] as string }))
    .filter(({ path }) => !path.includes('…'))
}

it('every path of the tables is served', async () => {
  const image_url = `data:image/png;base64,${picture.toString('base64')}`
  const content = [{ type: 'input_image', image_url, detail: 'low' }]
  const answer = await gateway.post(
    { model: 'gpt-4o', input: [{ role: 'user', content }] },
    { 'x-request-id': 'known', 'x-dragoman-session': 'known' },
  )
  assert.equal(answer.status, 200)
  await gateway.app.flush()
  const calls = listCalls('Paths', 'The admin API')
  assert.ok(calls.length >= 34, String(calls.length))
  for (const { method, path } of calls) {
    const call = `${method} ${path}`
    const sent = call in bodies ? bodies[call] : { model: 'gpt-4o', input: 'hi' }
    const body = method === 'POST' && sent !== undefined ? JSON.stringify(sent) : undefined
    const stop = new AbortController()
    const { status } = await fetch(`${gateway.origin}${await fill(path)}`, {
      method,
      body,
      signal: stop.signal,
      headers: {
        accept: 'text/html, */*',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
    })
    assert.equal(status, 200, call)
    // The tail would not end.
    stop.abort()
  }
})

it('every path that is served stands in a table', async () => {
  const answer = await fetch(`${gateway.origin}/openapi.json`)
  const { paths } = (await answer.json()) as { paths: Record<string, Record<string, unknown>> }
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  assert.ok(served.length >= 38)
  const named = new Set(
    [...readme.matchAll(/`(?:(GET|POST|DELETE) )?(\/[^`? ]*)[^`]*`/g)].map(
      ([, method = 'GET', path]) => `${method} ${path}`,
    ),
  )
  for (const call of served) assert.ok(named.has(call), `no table names ${call}`)
})

it('the filters of the list are named, and no other', () => {
  const text = sectionUnder('The admin API').split('\nFilters of the list')[1]?.split('\n\n')[0]
  assert.ok(text)
  const named = [...text.matchAll(/`([a-z_]+)(?:\[name\])?`/g)].map((match) => match[1] as string)
  const words = named.filter((name) => name !== 'error')
  assert.deepEqual(words.toSorted(), Object.keys(requestFilters).toSorted())
})

it('the metrics of the table are scraped, and none of ours is left out', async () => {
  const told = rowsUnder('Metrics and traces').flatMap((cell) =>
    [...cell.matchAll(/`([a-z_]+)`/g)].map((match) => match[1] as string),
  )
  const text = await (await fetch(`${gateway.origin}/metrics`)).text()
  const scraped = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1] as string))
  assert.ok(told.length >= 35)
  for (const name of told.filter((name) => !/^(?:process|nodejs)_$/.test(name)))
    assert.ok(scraped.has(name), `/metrics has no ${name}`)
  const ours = [...scraped].filter((name) => /^(?:dragoman|gen_ai)_/.test(name))
  const details = ours.filter((name) => !told.includes(name))
  assert.deepEqual(details.toSorted(), [
    'dragoman_config_last_load_success_timestamp_seconds',
    'dragoman_retention_failures_total',
    'dragoman_retention_last_success_timestamp_seconds',
    'dragoman_store_threads_replaced_total',
  ])
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
  const answered = sectionUnder('Headers').split('\n| response | |\n')[1] ?? ''
  const names = [...answered.matchAll(/^\| ([^|]+) \|/gm)]
    .flatMap(([, cell = '']) => [...cell.matchAll(/`([a-z-]+)`/g)])
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
