/** What requests cost, from the front door: each attempt that used something is billed, and what is unknown is no 0. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { AdminOverview, AdminRequest } from '../../server/http/admin/contract.ts'
import type { AdminRepriced, AdminSpend } from '../../server/http/admin/contract-spend.ts'
import {
  delta,
  openAnswer,
  opening,
  type RawGateway,
  readStream,
  respond,
  response,
  type Script,
  startRawGateway,
  wholeStream,
} from '../support/raw-provider.ts'

/** One token of input costs 1000 nano-dollars at `raw1` and 100 000 at `raw2`, one of output ten times as much. */
const prices = {
  raw1: { m: [{ input: 1, cachedInput: '0.25', output: 10, version: 'one' }] },
  raw2: { m: [{ input: 100, output: 1000, version: 'two' }] },
}
const usage = { input_tokens: 3, output_tokens: 2, total_tokens: 5 }
/** Of `usage` at raw1, and at raw2. */
const one = 3 * 1000 + 2 * 10_000
const two = one * 100

const answerWith =
  (body: unknown): Script =>
  (socket) =>
    respond(socket, JSON.stringify(body))
const streamOf =
  (text: string): Script =>
  (socket) => {
    openAnswer(socket)
    socket.end(text)
  }
const refuse: Script = (socket) =>
  respond(socket, '{"error":{"message":"down"}}', 'application/json', '500 Internal Server Error')

function dollars(nanos: number): string {
  const digits = String(nanos).padStart(10, '0')
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`
}

/** A stream of a provider that tells usage at its end, if at all. */
const begun = opening.replace(JSON.stringify(usage), 'null')
const untold = wholeStream.replaceAll(JSON.stringify(usage), 'null')

let asked = 0

/** Asks, reads the whole answer, and gives the request as the record has it. */
async function ask(
  gateway: RawGateway,
  body: Record<string, unknown> = {},
): Promise<{ row: AdminRequest; text: string }> {
  const id = `money-${++asked}`
  const answer = await gateway.post({ model: 'raw/model', input: 'hi', ...body }, { 'x-request-id': id })
  const text = await answer.text()
  return { text, row: await gateway.admin<AdminRequest>(`/admin/requests/${id}`) }
}

/** What the client was told at the end of its stream. */
function usageOf(text: string): typeof usage {
  const last = readStream(text).events.at(-1) as unknown as { response: { usage: typeof usage } }
  return last.response.usage
}

const billed = ({ cost }: AdminRequest) =>
  cost?.attempts.map(({ attempt, provider, cost_usd }) => [attempt, provider, cost_usd])

/** Its thread takes a while to start, which on a busy machine may be longer than an answer waits for a count. */
async function warmTokenizer(gateway: RawGateway): Promise<void> {
  gateway.script(streamOf(untold))
  for (;;) {
    const { row } = await ask(gateway, { stream: true })
    assert.equal(row.usage_source, 'estimated')
    if (row.usage_estimator !== 'characters') return
  }
}

describe('the cost of a request', () => {
  let gateway: RawGateway
  before(async () => {
    gateway = await startRawGateway({
      providers: 2,
      variant: 'open-responses',
      provider: { attempts: 2 },
      config: { prices, structuredOutput: { retry: true } },
    })
    await warmTokenizer(gateway)
  })
  after(() => gateway.close())

  it('is that of the tokens that the provider told, line by line, as JSON and as a stream', async () => {
    const input_tokens_details = { cached_tokens: 2 }
    gateway.script(answerWith(response({ usage: { ...usage, input_tokens_details } })))
    const { row } = await ask(gateway)
    assert.equal(row.cost_usd, dollars(1000 + 2 * 250 + 20_000))
    assert.equal(row.cost_reason, null)
    const [attempt] = row.cost?.attempts ?? []
    assert.equal(attempt?.price, 'one')
    assert.deepEqual(
      attempt?.parts.map(({ kind, quantity, amount_usd }) => [kind, quantity, amount_usd]),
      [
        ['input', 1, dollars(1000)],
        ['cached_input', 2, dollars(500)],
        ['output', 2, dollars(20_000)],
      ],
    )
    gateway.script(streamOf(wholeStream))
    assert.equal((await ask(gateway, { stream: true })).row.cost_usd, dollars(one))
  })

  it('does not have what a provider refused, also when another one answers', async () => {
    gateway.script(refuse)
    gateway.script(answerWith(response()), 1)
    const { row } = await ask(gateway)
    assert.equal(row.attempts, 3)
    assert.equal(row.cost_usd, dollars(two))
    assert.deepEqual(billed(row), [[3, 'raw2', dollars(two)]])
  })

  it('has every try that was made and paid for, at the provider that is paid', async () => {
    const text = {
      format: { type: 'json_schema', name: 'n', strict: true, schema: { type: 'object', required: ['a'] } },
    }
    const wrong = response({ output: [message('{}')] })
    gateway.script((socket, count, request) => answerWith(wrong)(socket, count, request))
    gateway.script(answerWith(response({ output: [message('{"a":1}')] })), 1)
    const { row } = await ask(gateway, { text })
    const last = row.cost?.attempts.at(-1)
    assert.equal(last?.provider, 'raw2')
    const first = (row.cost?.attempts.length ?? 0) - 1
    assert.ok(first > 0, 'those that broke the schema are billed')
    assert.equal(row.cost_usd, dollars(first * one + two))
  })

  it('is estimated for a stream that breaks off, and says so', async () => {
    gateway.script((socket) => {
      openAnswer(socket)
      socket.end(`${begun}${delta('hello wonderful world')}`)
    })
    const { row, text } = await ask(gateway, { stream: true })
    assert.equal(readStream(text).events.at(-1)?.type, 'response.failed')
    const told = usageOf(text)
    assert.equal(row.usage_source, 'estimated')
    assert.equal(row.usage_estimator, 'gpt-tokenizer/o200k_base')
    assert.equal(told.output_tokens, 3, 'by the tokenizer')
    assert.equal(row.cost_usd, dollars(told.input_tokens * 1000 + told.output_tokens * 10_000))
    assert.equal(row.cost?.attempts[0]?.usage, 'estimated')
  })

  it('is estimated where the provider tells no usage, which the client is given before the end', async () => {
    gateway.script(streamOf(untold))
    const { row, text } = await ask(gateway, { stream: true })
    const told = usageOf(text)
    assert.equal(row.input_tokens, told.input_tokens)
    assert.equal(row.usage_source, 'estimated')
    assert.equal(row.cost_usd, dollars(told.input_tokens * 1000 + told.output_tokens * 10_000))
  })

  it('of a client that leaves is that of what had come', async () => {
    gateway.script((socket) => {
      openAnswer(socket)
      socket.write(`${begun}${delta('hello wonderful world')}`)
    })
    const row = await leaveAfter(gateway, 'wonderful')
    assert.equal(row.status, 'cancelled')
    assert.equal(row.usage_source, 'estimated')
    assert.equal(row.output_tokens, 3)
    assert.equal(row.cost_usd, dollars(Number(row.input_tokens) * 1000 + 3 * 10_000))
  })

  it('goes by what the provider told before the client left, where it told', async () => {
    gateway.script((socket) => {
      openAnswer(socket)
      socket.write(`${opening}${delta('hello wonderful world')}`)
    })
    const row = await leaveAfter(gateway, 'wonderful')
    assert.deepEqual([row.status, row.usage_source], ['cancelled', 'provider'])
    assert.equal(row.cost_usd, dollars(one))
  })

  it('has what was written to a cache, of which the contract knows nothing', async () => {
    const input_tokens_details = { cached_tokens: 0, cache_write_tokens: 2 }
    gateway.script(answerWith(response({ usage: { ...usage, input_tokens_details } })))
    const { row, text } = await ask(gateway)
    assert.equal(row.cache_write_tokens, 2)
    assert.deepEqual(JSON.parse(text).usage.input_tokens_details, { cached_tokens: 0 })
    assert.equal(row.cost_usd, dollars(one), 'without a rate of its own it is input')
  })

  it('is nothing for a request that reached no provider', async () => {
    const { row } = await ask(gateway, { model: 'no/such' })
    assert.equal(row.cost_usd, dollars(0))
    assert.equal(row.cost_reason, null)
  })
})

function message(text: string) {
  return { id: 'msg_upstream', type: 'message', role: 'assistant', content: [{ type: 'output_text', text }] }
}

/** Reads a stream until this word has come, and leaves. */
async function leaveAfter(gateway: RawGateway, word: string): Promise<AdminRequest> {
  const id = `money-${++asked}`
  const leaving = new AbortController()
  const answer = await fetch(`${gateway.origin}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': id },
    body: JSON.stringify({ model: 'raw/model', input: 'hi', stream: true }),
    signal: leaving.signal,
  })
  const reader = answer.body?.getReader()
  for (let text = ''; !text.includes(word); )
    text += Buffer.from((await reader?.read())?.value ?? []).toString()
  leaving.abort()
  return settled(gateway, id)
}

async function settled(gateway: RawGateway, id: string): Promise<AdminRequest> {
  for (;;) {
    const row = await gateway.admin<AdminRequest>(`/admin/requests/${id}`)
    if (row.status !== 'in_progress') return row
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('a cost that is not known', () => {
  let gateway: RawGateway
  before(async () => {
    gateway = await startRawGateway({
      config: { prices: { raw1: { other: [{ input: 1, output: 10 }], flex: [{ input: 1 }] } } },
    })
  })
  after(() => gateway.close())

  it('is null with its reason, never 0, and priced by the model that answered', async () => {
    gateway.script(answerWith(response()))
    const unknown = (await ask(gateway)).row
    assert.deepEqual([unknown.cost_usd, unknown.cost_reason], [null, 'unknown_model'])
    gateway.script(answerWith(response({ model: 'other' })))
    assert.equal((await ask(gateway)).row.cost_usd, dollars(one))
    gateway.script(answerWith(response({ model: 'other', service_tier: 'priority' })))
    assert.equal((await ask(gateway)).row.cost_reason, 'no_rate')
    gateway.script(answerWith(response({ model: 'flex' })))
    assert.equal((await ask(gateway)).row.cost_reason, 'no_rate')
  })

  it('stands apart in the sums', async () => {
    const { totals } = await gateway.admin<AdminSpend>('/admin/spend')
    assert.equal(totals.requests, 4)
    assert.equal(totals.unpriced_requests, 3)
    assert.equal(totals.cost_usd, dollars(one))
  })
})

describe('spend', () => {
  let gateway: RawGateway
  before(async () => {
    gateway = await startRawGateway({
      providers: 2,
      config: {
        prices: {
          raw1: { m: [{ input: '0.123456789', output: '0.333333333' }] },
          raw2: { m: [{ input: 100, output: 1000 }] },
        },
      },
    })
    gateway.script(answerWith(response()))
    for (const user of ['ann', 'ann', '=ben', undefined])
      await ask(gateway, { user, ...(user && { metadata: { team: user === 'ann' ? 'red' : 'blue, "b"' } }) })
    gateway.script(refuse)
    gateway.script(answerWith(response()), 1)
    await ask(gateway, { user: 'ann' })
    gateway.script(streamOf(untold), 1)
    await ask(gateway, { stream: true })
    gateway.script(answerWith(response({ service_tier: 'flex' })), 1)
    await ask(gateway)
  })
  after(() => gateway.close())

  const groups = ['project', 'key', 'model', 'provider', 'user', 'metadata:team']
  for (const group of groups) {
    it(`by ${group}: the CSV's column adds up to the rows of the record, to the nano-dollar`, async () => {
      const path = `/admin/spend?group_by=${encodeURIComponent(group)}&period=day`
      const spend = await gateway.admin<AdminSpend>(path)
      const { data } = await gateway.admin<{ data: AdminRequest[] }>('/admin/requests?limit=100')
      const known = data.flatMap(({ cost_usd }) => (cost_usd === null ? [] : toNanos(cost_usd)))
      const rows = known.reduce((sum, nanos) => sum + nanos, 0n)
      assert.equal(data.length, 7)
      assert.ok(rows > 0n)
      assert.equal(toNanos(spend.totals.cost_usd ?? ''), rows)
      assert.equal(spend.totals.requests, 7)
      assert.equal(spend.totals.unpriced_requests, 1)
      assert.ok(toNanos(spend.totals.estimated_cost_usd) > 0n)
      const csv = await (await fetch(`${gateway.origin}${path}&format=csv`)).text()
      const [head = '', ...lines] = csv.trimEnd().split('\r\n')
      const at = head.split(',').indexOf('cost_usd')
      const column = lines.map((line) => fieldsOf(line)[at] ?? '')
      assert.equal(
        column.reduce((sum, cost) => sum + (cost === '' ? 0n : toNanos(cost)), 0n),
        rows,
      )
      assert.equal(lines.length, spend.rows.length)
    })
  }

  it('names users, and what has none, and lets no spreadsheet run what a client wrote', async () => {
    const { rows } = await gateway.admin<AdminSpend>('/admin/spend?group_by=user')
    assert.deepEqual(
      rows.map(({ value, kind, requests }) => [value, kind, requests]).sort(),
      [
        ['=ben', 'value', 1],
        ['ann', 'value', 3],
        [null, 'none', 3],
      ].sort(),
    )
    const csv = await (await fetch(`${gateway.origin}/admin/spend?group_by=user&format=csv`)).text()
    assert.match(csv, /,value,'=ben,/)
  })

  it('is with the provider that was paid', async () => {
    const { rows } = await gateway.admin<AdminSpend>('/admin/spend?group_by=provider&provider=raw1')
    assert.deepEqual(
      rows.map(({ value, cost_usd }) => [value, cost_usd]),
      [['raw1', dollars(4 * (370 + 667))]],
    )
  })

  it('has no forecast from a single day, and says what is wrong with a question', async () => {
    assert.equal((await gateway.admin<AdminSpend>('/admin/spend')).forecast, null)
    for (const [query, param] of [
      ['group_by=colour', 'group_by'],
      ['period=week', 'period'],
      ['from=2026-02-01&to=2026-01-01', 'from'],
      ['group_by=user&model=m', 'model'],
      ['from=2001-01-01&period=day', 'from'],
    ]) {
      const answer = await fetch(`${gateway.origin}/admin/spend?${query}`)
      assert.equal(answer.status, 400, query)
      assert.equal(((await answer.json()) as { error: { param: string } }).error.param, param)
    }
  })
})

function toNanos(dollars: string): bigint {
  assert.match(dollars, /^\d+\.\d{9}$/)
  return BigInt(dollars.replace('.', ''))
}

function fieldsOf(line: string): string[] {
  return [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(([, field = '']) => field)
}

describe('reprice', () => {
  it('prices what had no price, moves the sums along, and changes nothing the second time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dragoman-test-'))
    const store = { url: `sqlite:${join(folder, 'test.db')}` }
    try {
      const before = await startRawGateway({ config: { store } })
      before.script(answerWith(response()))
      for (const user of ['ann', 'ben', 'ann']) await ask(before, { user })
      before.script(answerWith(response({ service_tier: 'flex' })))
      await ask(before, { user: 'ann' })
      assert.equal((await before.admin<AdminSpend>('/admin/spend')).totals.cost_usd, null)
      const { totals, models } = await before.admin<AdminOverview>('/admin/overview')
      assert.deepEqual([totals.cost_usd, models[0]?.cost_usd], [null, null])
      await before.close()
      const gateway = await startRawGateway({ providers: 2, config: { store, prices } })
      try {
        await repriceAll(gateway)
      } finally {
        await gateway.close()
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

async function reprice(gateway: RawGateway, body: Record<string, unknown>): Promise<AdminRepriced> {
  const answer = await fetch(`${gateway.origin}/admin/reprice`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ from: '2026-01-01', to: '2200-01-01', ...body }),
  })
  assert.equal(answer.status, 200, await answer.clone().text())
  return (await answer.json()) as AdminRepriced
}

async function repriceAll(gateway: RawGateway): Promise<void> {
  const first = await reprice(gateway, { limit: 2 })
  assert.deepEqual([first.examined, first.changed, first.unknown], [2, 2, 0])
  assert.equal(first.difference_usd, dollars(2 * one))
  const rest = await reprice(gateway, { cursor: first.next })
  assert.deepEqual([rest.examined, rest.changed, rest.unknown, rest.next], [2, 2, 1, null])
  const again = await reprice(gateway, { which: 'all' })
  assert.deepEqual([again.examined, again.changed, again.difference_usd], [4, 0, dollars(0)])
  const { data } = await gateway.admin<{ data: AdminRequest[] }>('/admin/requests')
  assert.deepEqual(
    data.map(({ cost_usd, cost_reason }) => [cost_usd, cost_reason]),
    [[null, 'no_rate'], ...Array.from({ length: 3 }, () => [dollars(one), null])],
  )
  for (const group of ['provider', 'user', 'key']) {
    const { totals, rows } = await gateway.admin<AdminSpend>(`/admin/spend?group_by=${group}`)
    assert.deepEqual(
      [totals.requests, totals.unpriced_requests, totals.cost_usd],
      [4, 1, dollars(3 * one)],
      group,
    )
    if (group === 'user')
      assert.deepEqual(
        rows.map(({ value, cost_usd }) => [value, cost_usd]),
        [
          ['ann', dollars(2 * one)],
          ['ben', dollars(one)],
        ],
      )
  }
  for (const [body, param] of [
    [{ from: '2026-02-01', to: '2026-01-01' }, 'from'],
    [{ from: '2026-02-01' }, 'to'],
    [{ from: '2026-01-01', to: '2027-01-01', which: 'some' }, 'which'],
    [{ from: '2026-01-01', to: '2027-01-01', limit: 0 }, 'limit'],
  ] as const) {
    const answer = await fetch(`${gateway.origin}/admin/reprice`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    assert.equal(answer.status, 400)
    assert.equal(((await answer.json()) as { error: { param: string } }).error.param, param)
  }
}
