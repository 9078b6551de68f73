/** Sessions, spend, costs and a picture for the dashboard's tests. */
import { createHash } from 'node:crypto'
import type {
  AdminCost,
  AdminSession,
  AdminSessionList,
  AdminSpend,
  AdminSpendRow,
} from '../../server/http/admin/contract.ts'
import { hostile } from './hostile.ts'

const content = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGPQbTqBBzGMSjcRDAA2ZdZ1ftP5XwAAAABJRU5ErkJggg==',
  'base64',
)

const hash = createHash('sha256').update(content).digest('hex')

export const picture = {
  content,
  hash,
  reference: `dragoman-media:sha256:${hash};type=image/png;bytes=${content.length}`,
}

/** Two attempts: the first failed after it had read, the second is partly estimated. */
export const twoAttempts: AdminCost = {
  cost_usd: '0.012345678',
  reason: null,
  estimated: true,
  attempts: [
    {
      attempt: 1,
      provider: 'sail',
      upstream_model: 'deepseek-ai/DeepSeek-V3.2',
      price: 'default/2026-11-01',
      usage: 'provider',
      cost_usd: '0.000180600',
      reason: null,
      parts: [{ kind: 'input', quantity: 1204, rate_usd: '0.150000000', amount_usd: '0.000180600' }],
    },
    {
      attempt: 2,
      provider: 'scaleway',
      upstream_model: 'gpt-oss-120b',
      price: 'config',
      usage: 'estimated',
      cost_usd: '0.012165078',
      reason: null,
      parts: [
        { kind: 'input', quantity: 692, rate_usd: '0.150000000', amount_usd: '0.000103800' },
        { kind: 'cached_input', quantity: 512, rate_usd: '0.015000000', amount_usd: '0.000007680' },
        { kind: 'output', quantity: 20_089, rate_usd: '0.600000000', amount_usd: '0.012053400' },
        { kind: 'request', quantity: 1, rate_usd: '198.000000000', amount_usd: '0.000198000' },
      ],
    },
  ],
}

function session(id: string, index: number, changes: Partial<AdminSession> = {}): AdminSession {
  const last = Date.now() - index * 420_000
  return {
    id,
    project: 'acme',
    started_at: new Date(last - 1_830_000 - index * 60_000).toISOString(),
    last_at: new Date(last).toISOString(),
    requests: 12 + ((index * 7) % 30),
    errors: index % 4 === 0 ? 1 : 0,
    input_tokens: 18_200 + index * 977,
    output_tokens: 4100 + index * 311,
    total_tokens: 22_300 + index * 1288,
    estimated_tokens: 0,
    cost_usd: '0.018214500',
    unpriced: 0,
    last_status: index % 5 === 3 ? 'failed' : 'completed',
    models: ['openai/gpt-oss-120b', 'deepseek-ai/DeepSeek-V3.2'],
    ...changes,
  }
}

export const hostileSession = `${hostile}/..%2f?#.js`

const sessions: AdminSession[] = [
  session('agent-run-7f21', 0, { last_status: 'in_progress' }),
  session(hostileSession, 1, { project: null, cost_usd: null, requests: 3, unpriced: 3, errors: 0 }),
  session('conv_0f3c9a1b2d7e4c11', 2, { unpriced: 2, estimated_tokens: 1400 }),
  ...Array.from({ length: 30 }, (_, index) =>
    session(`resp_${(index * 7919 + 4242).toString(16)}a9c1e7`, index + 3),
  ),
]

/** Twenty at a time. */
export function makeSessions(before: string | null): AdminSessionList {
  const start = sessions.findIndex(({ id }) => id === before) + 1
  const data = sessions.slice(start, start + 20)
  return { data, next: start + data.length < sessions.length ? (data.at(-1)?.id ?? null) : null }
}

export function makeSession(id: string): AdminSession | undefined {
  return sessions.find((one) => one.id === id)
}

const names = [
  'openai/gpt-oss-120b',
  'deepseek-ai/DeepSeek-V3.2',
  'gpt-4o',
  'mistral-large',
  hostile,
  'small',
  'tiny',
]

function spendRow(period: string, index: number, day: number): AdminSpendRow {
  const isUnknown = index === 3
  const nanos = isUnknown
    ? 0
    : Math.round((9_000_000_000 / (index + 1)) * (1 + ((day * 7 + index) % 5) / 4)) + index
  const digits = String(nanos).padStart(10, '0')
  return {
    period,
    value: names[index]!,
    kind: 'value',
    project: null,
    requests: 400 - index * 31,
    unpriced_requests: isUnknown ? 400 - index * 31 : index === 2 ? 4 : 0,
    cost_usd: isUnknown ? null : `${digits.slice(0, -9)}.${digits.slice(-9)}`,
    estimated_cost_usd: index === 1 ? '0.120000000' : '0.000000000',
    input_tokens: 410_000 - index * 20_000,
    output_tokens: 98_000 - index * 9000,
    estimated_input_tokens: index === 1 ? 4000 : 0,
    estimated_output_tokens: index === 1 ? 900 : 0,
  }
}

/** The seven values of each day (or month) up to today, with their exact sums. */
export function makeSpend(query: URLSearchParams): AdminSpend {
  const period = query.get('period') === 'month' ? 'month' : 'day'
  const start = new Date(query.get('from')!)
  start.setUTCHours(0, 0, 0, 0)
  const end =
    Math.ceil((Date.parse(query.get('to') ?? new Date().toISOString()) + 1) / 86_400_000) * 86_400_000
  const periods = new Set<string>()
  for (let at = start.getTime(); at < end; at += 86_400_000) {
    periods.add(new Date(at).toISOString().slice(0, period === 'day' ? 10 : 7))
  }
  const rows = [...periods].flatMap((name, day) => names.map((_, index) => spendRow(name, index, day)))
  const sum = (read: (row: AdminSpendRow) => number) => rows.reduce((total, row) => total + read(row), 0)
  const money = (read: (row: AdminSpendRow) => string | null) => {
    const nanos = rows.reduce(
      (total, row) => total + BigInt((read(row) ?? '0.000000000').replace('.', '')),
      0n,
    )
    const digits = String(nanos).padStart(10, '0')
    return `${digits.slice(0, -9)}.${digits.slice(-9)}`
  }
  return {
    from: start.toISOString(),
    to: new Date(end).toISOString(),
    group_by: query.get('group_by'),
    period,
    totals: {
      requests: sum((row) => row.requests),
      unpriced_requests: sum((row) => row.unpriced_requests),
      cost_usd: money((row) => row.cost_usd),
      estimated_cost_usd: money((row) => row.estimated_cost_usd),
      input_tokens: sum((row) => row.input_tokens),
      output_tokens: sum((row) => row.output_tokens),
      estimated_input_tokens: sum((row) => row.estimated_input_tokens),
      estimated_output_tokens: sum((row) => row.estimated_output_tokens),
    },
    rows,
    forecast: query.has('to')
      ? null
      : {
          period: '2026-11',
          cost_usd: '812.413092847',
          method: 'Spent so far, and for each day left the average of the same day of the week before.',
          based_on: { days: 28, from: '2026-10-24T00:00:00.000Z', to: '2026-11-21T00:00:00.000Z' },
        },
  }
}
