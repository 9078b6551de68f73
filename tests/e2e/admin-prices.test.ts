/** The table of prices, as those who check the bills read it: the same that requests are priced by. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { AdminPrices, AdminRequest, AdminRequestList } from '../../server/http/admin/contract.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

let gateway: TestGateway
before(async () => {
  gateway = await startGateway({
    configure: (config) => ({
      ...config,
      prices: {
        sail: {
          'deepseek-ai/*': [
            { input: 0.5, cachedInput: '0.125', output: 2, request: '0.000000001' },
            {
              from: '2026-07-01',
              version: 'contract of July',
              input: 0.4,
              output: 1.6,
              tiers: [{ serviceTier: 'flex', aboveInputTokens: 128_000, input: 0.2, output: 0.8 }],
            },
          ],
        },
        'general-augment': { balanced: [{ from: '2099-01-01', input: 1, output: 1 }] },
      },
    }),
  })
})
after(() => gateway.close())

const ask = (query = '') => gateway.admin<AdminPrices>(`/admin/prices${query}`)
const priceOf = ({ models }: AdminPrices, model: string, provider?: string) =>
  models.find((one) => one.model === model && one.provider === (provider ?? one.provider))?.price

test('every price is listed with its rates, its time and where it is from', async () => {
  const { prices } = await ask('?at=2026-11-21')
  const ours = prices.filter(({ owner }) => owner === 'sail')
  assert.deepEqual(
    ours.map(({ model, version, origin, from, until, in_force }) => [
      model,
      version,
      origin,
      from,
      until,
      in_force,
    ]),
    [
      ['deepseek-ai/*', 'contract of July', 'configuration', '2026-07-01T00:00:00.000Z', null, true],
      ['deepseek-ai/*', ours[1]?.version, 'configuration', null, '2026-07-01T00:00:00.000Z', false],
    ],
  )
  assert.deepEqual(ours[0]?.rates[1], {
    service_tier: 'flex',
    above_input_tokens: 128_000,
    input_usd: '0.200000000',
    cached_input_usd: null,
    cache_write_usd: null,
    output_usd: '0.800000000',
    reasoning_usd: null,
    request_usd: null,
    image_usd: null,
  })
  assert.equal(ours[1]?.rates[0]?.request_usd, '0.000000001')
  const shipped = prices.find(({ owner, model }) => owner === 'openai' && model === 'gpt-5-mini')
  assert.equal(shipped?.origin, 'default')
  assert.match(shipped?.source ?? '', /^https:/)
  assert.equal(shipped?.rates[0]?.input_usd, '0.250000000')
})

test('each configured model has the price that its requests get, null where it is unknown', async () => {
  const now = await ask()
  assert.equal(priceOf(now, 'deepseek-ai/DeepSeek-V3.2')?.version, 'contract of July')
  // Its price begins later.
  assert.equal(priceOf(now, 'balanced'), null)
  assert.equal(priceOf(now, 'openai/gpt-oss-120b', 'sail'), null)
  assert.ok(now.models.every(({ model }) => !model.includes('*')))
  assert.equal(priceOf(await ask('?at=2099-06-01'), 'balanced')?.rates[0]?.output_usd, '1.000000000')
  assert.equal(
    priceOf(await ask('?at=2026-06-30'), 'deepseek-ai/DeepSeek-V3.2')?.until,
    '2026-07-01T00:00:00.000Z',
  )
  for (const model of ['deepseek-ai/DeepSeek-V3.2', 'gpt-5-mini', 'balanced']) {
    const answer = await gateway.post({ model, input: '/count 3' })
    assert.equal(answer.status, 200)
    await answer.text()
    const { data } = await gateway.admin<AdminRequestList>(`/admin/requests?model=${model}&limit=1`)
    const { cost } = await gateway.admin<AdminRequest>(`/admin/requests/${data[0]?.id}`)
    const [attempt] = cost?.attempts ?? []
    const listed = priceOf(now, model) ?? null
    assert.equal(attempt?.price ?? null, listed?.version ?? null, model)
    const input = attempt?.parts.find(({ kind }) => kind === 'input')
    assert.equal(input?.rate_usd, listed?.rates[0]?.input_usd, model)
  }
})

test('of one provider there is what counts for it, and who does not exist is refused', async () => {
  const { models, prices } = await ask('?provider=augment')
  assert.deepEqual([...new Set(models.map(({ provider }) => provider))], ['augment'])
  // The variant's prices are all its providers'.
  assert.deepEqual([...new Set(prices.map(({ owner }) => owner))], ['general-augment'])
  const refused = await fetch(`${gateway.origin}/admin/prices?provider=nobody`)
  const { error } = (await refused.json()) as { error: { param: string; message: string } }
  assert.deepEqual([refused.status, error.param], [400, 'provider'])
  assert.match(error.message, /one of sail, sudo/)
})
