/** What people ask of the record: paths of the admin API, with other values each time they are asked. */
import type { Random } from '../../crash/random.ts'
import { models, projects, teams } from './rows.ts'

export interface Question {
  kind: 'list' | 'lookup' | 'facet' | 'chart' | 'search'
  name: string
  path(random: Random, facts: Facts): string
}

/** Of the store that is asked. */
export interface Facts {
  /** Unix milliseconds of the newest row, and days back to the oldest. */
  now: number
  days: number
  /** Of some rows anywhere in it. */
  ids: { id: string; response_id: string | null; trace_id: string | null; session_id: string | null }[]
}

const list = (name: string, path: Question['path']): Question => ({ kind: 'list', name, path })
const chart = (name: string, path: Question['path']): Question => ({ kind: 'chart', name, path })

const encode = encodeURIComponent
const anyProject = (random: Random) => encode(random.pick(projects))
const anyModel = (random: Random) => encode(random.pick(models).model)
const anyProvider = (random: Random) => `provider-${random.integer(1, 7)}`
const ago = (now: number, days: number) => encode(new Date(now - days * 86_400_000).toISOString())
const anyDay = (random: Random, { now, days }: Facts) => {
  const back = random.integer(1, days - 1)
  return `from=${ago(now, back)}&to=${ago(now, back - 1)}`
}
const idOf = (random: Random, { ids }: Facts, name: keyof Facts['ids'][number]) =>
  random.pick(ids.filter((row) => row[name] !== null))[name]

const lists: Question[] = [
  list('newest', () => '/admin/requests'),
  list('a day long ago', (random, facts) => `/admin/requests?${anyDay(random, facts)}`),
  list('project', (random) => `/admin/requests?project=${anyProject(random)}`),
  list('key', (random) => `/admin/requests?key=${anyProject(random)}%2F2`),
  list('model', (random) => `/admin/requests?model=${anyModel(random)}`),
  list('provider', (random) => `/admin/requests?provider=${anyProvider(random)}`),
  list('failed', () => '/admin/requests?status=failed'),
  list('error code', () => '/admin/requests?error_code=gateway_restarted'),
  list('error origin', () => '/admin/requests?error_origin=gateway'),
  list(
    'project and model',
    (random) => `/admin/requests?project=${anyProject(random)}&model=${anyModel(random)}`,
  ),
  list(
    'project, model, provider, failed',
    (random) =>
      `/admin/requests?project=${anyProject(random)}&model=${anyModel(random)}&provider=${anyProvider(random)}&status=failed`,
  ),
  list(
    'streams of a project that failed',
    (random) => `/admin/requests?project=${anyProject(random)}&stream=true&status=failed`,
  ),
  list('slower than 10 s', () => '/admin/requests?min_latency_ms=10000'),
  list('slower than 60 s (almost none)', () => '/admin/requests?min_latency_ms=60000'),
  list('cost over 0.05 USD', () => '/admin/requests?min_cost_usd=0.05'),
  list(
    'many tokens in a project',
    (random) => `/admin/requests?min_total_tokens=20000&project=${anyProject(random)}`,
  ),
  list('unpriced', () => '/admin/requests?unpriced=true'),
  list('metadata, common', (random) => `/admin/requests?metadata%5Bteam%5D=${random.pick(teams)}`),
  list('metadata, rare', (random) => `/admin/requests?metadata%5Brun%5D=run-${random.integer(1, 20_000)}`),
  list(
    'metadata, project and failed',
    (random) =>
      `/admin/requests?metadata%5Bteam%5D=${random.pick(teams)}&project=${anyProject(random)}&status=failed`,
  ),
  list('user', (random) => `/admin/requests?user=user-${random.integer(1, 5000)}`),
  list('session', (random, facts) => `/admin/requests?session=${idOf(random, facts, 'session_id')}`),
  list('nothing at all', () => '/admin/requests?project=none'),
  list('a model that a provider has not', () => '/admin/requests?model=org-1%2Fmodel-01&provider=provider-2'),
  list('sessions', () => '/admin/sessions'),
  list('sessions of a project', (random) => `/admin/sessions?project=${anyProject(random)}`),
]

const lookups: Question[] = (['id', 'response_id', 'trace_id'] as const).map((name) => ({
  kind: 'lookup',
  name: `by ${name}`,
  path: (random, facts) => `/admin/requests/${idOf(random, facts, name)}`,
}))

const searches: Question[] = [
  ['a word in every request', () => 'gateway'],
  ['a rare word', (random: Random) => `zebra${random.integer(1, 500)}`],
  ['two words', () => 'gateway earns'],
  ['a phrase', () => '"add nothing that anybody"'],
  ['no such word', () => 'unheardof'],
].map(([name, words]) => ({
  kind: 'search',
  name: String(name),
  path: (random) => `/admin/requests?q=${encode((words as (random: Random) => string)(random))}`,
}))

const charts: Question[] = [
  ...[1 / 24, 1, 7, 30, 90].map((days) =>
    chart(
      `overview, ${days < 1 ? 'an hour' : `${days} days`}`,
      (_random, { now }) => `/admin/overview?from=${ago(now, days)}&to=${ago(now, 0)}`,
    ),
  ),
  ...[7, 90].flatMap((days) => [
    chart(
      `overview of a project, ${days} days`,
      (random, { now }) => `/admin/overview?from=${ago(now, days)}&project=${anyProject(random)}`,
    ),
    chart(
      `overview of a provider, ${days} days`,
      (random, { now }) => `/admin/overview?from=${ago(now, days)}&provider=${anyProvider(random)}`,
    ),
  ]),
  chart('overview of any day', (random, facts) => `/admin/overview?${anyDay(random, facts)}`),
  chart(
    'spend by project and day, 30 days',
    (_, { now }) => `/admin/spend?group_by=project&period=day&from=${ago(now, 30)}`,
  ),
  chart(
    'spend by model and day, 30 days',
    (_, { now }) => `/admin/spend?group_by=model&period=day&from=${ago(now, 30)}`,
  ),
  chart(
    'spend by user and month, 90 days',
    (_, { now }) => `/admin/spend?group_by=user&period=month&from=${ago(now, 90)}`,
  ),
  chart(
    'spend by a tag and month, 90 days',
    (_, { now }) => `/admin/spend?group_by=metadata:team&period=month&from=${ago(now, 90)}`,
  ),
]

const facets: Question[] = [
  { kind: 'facet', name: 'of all', path: () => '/admin/facets' },
  {
    kind: 'facet',
    name: 'of 90 days',
    path: (_, { now }) => `/admin/facets?from=${ago(now, 90)}`,
  },
]

export const questions: readonly Question[] = [...lists, ...lookups, ...searches, ...facets, ...charts]
