/** The dashboard in a real browser on the real gateway: sign in, see the traffic, see what was changed. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, it } from 'node:test'
import type { Browser, Page, Request } from 'playwright-core'
import { picture } from '../dashboard/money-fixtures.ts'
import { launchBrowser } from '../support/browser.ts'
import { openSocket } from '../support/socket-client.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

const adminKey = 'admin-key-123456'
const projectKey = { authorization: 'Bearer acme-key-123456' }
let gateway: TestGateway
let browser: Browser
let page: Page
const troubles: string[] = []

before(async () => {
  gateway = await startGateway({
    configure: (config) => ({
      ...config,
      admin: { key: adminKey },
      projects: { acme: { name: 'Acme', keys: ['acme-key-123456'] } },
      prices: {
        sudo: { 'gpt-4o': [{ version: 'of the test', input: '2.5', cachedInput: '1.25', output: 10 }] },
      },
    }),
  })
  browser = await launchBrowser()
  page = await browser.newPage()
  page.setDefaultTimeout(60_000)
  page.on('pageerror', (error) => troubles.push(String(error)))
  page.on('console', (entry) => {
    // The browser itself reports the 401 that asks for the key.
    if (entry.type() === 'error' && !entry.text().includes('401')) troubles.push(entry.text())
  })
})
after(async () => {
  await browser?.close()
  await gateway?.close()
})

async function call(body: object): Promise<string> {
  const answer = await gateway.post(body, projectKey)
  await answer.text()
  await gateway.app.flush()
  return answer.headers.get('x-request-id') ?? ''
}

it('asks for the admin key, refuses a wrong one, and shows the overview with the right one', async () => {
  await call({ model: 'gpt-4o', input: '/count 3' })
  await page.goto(gateway.origin)
  const field = page.locator('input[type=password]')
  await field.fill('wrong-key-123456')
  await field.press('Enter')
  await page.getByText('This is not the admin key.').waitFor()
  await field.fill(adminKey)
  await field.press('Enter')
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  await page.locator('dm-ranking').getByText('gpt-4o').first().waitFor()
})

it('shows new requests by themselves, the newest first', async () => {
  await page.getByRole('navigation').getByRole('link', { name: 'Requests' }).click()
  await page.getByRole('heading', { name: 'Requests' }).waitFor()
  const rows = page.locator('dm-request-table tbody tr')
  await rows.first().waitFor()
  await call({ model: 'balanced', input: '/count 2', presence_penalty: 0.5 })
  await rows.first().getByText('balanced').waitFor()
})

it('shows one request: what was sent, what the provider got, and what was changed on the way', async () => {
  const id = await call({
    model: 'balanced',
    input: '<img src=x onerror=alert(1)>',
    presence_penalty: 0.5,
    max_output_tokens: 9000,
  })
  await page.goto(`${gateway.origin}/requests/${id}`)
  await page.getByText('The client sent').waitFor()
  for (const text of [
    'augment got',
    'The client received',
    'presence_penalty',
    'clamped',
    'dropped',
    'acme/1',
  ]) {
    await page.getByText(text).first().waitFor()
  }
  await page.getByText('<img src=x onerror=alert(1)>').first().waitFor()
})

it('leads from a turn to the one that it goes on from, and from a replay to the call that was answered', async () => {
  const ask = async (body: object, headers: Record<string, string> = {}) => {
    const answer = await gateway.post({ model: 'gpt-4o', ...body }, { ...projectKey, ...headers })
    const { id } = (await answer.json()) as { id: string }
    await gateway.app.flush()
    return { id, request: answer.headers.get('x-request-id') ?? '' }
  }
  const first = await ask({ input: 'My name is Ada.' })
  const second = await ask({ model: 'balanced', input: '/history', previous_response_id: first.id })
  await page.goto(`${gateway.origin}/requests/${second.request}`)
  await page.getByText('the earlier turns of the chain were put before the input').waitFor()
  // Its session is named by the same response.
  await page.locator('dl.facts').getByRole('link', { name: first.id }).last().click()
  await page.locator('.id').getByText(first.request).waitFor()
  const key = { 'idempotency-key': 'once' }
  const [made, repeated] = [await ask({ input: 'once' }, key), await ask({ input: 'once' }, key)]
  assert.equal(repeated.id, made.id)
  await page.goto(`${gateway.origin}/requests/${repeated.request}`)
  await page.getByText('no provider was called').waitFor()
  await page.locator('dl.facts').getByRole('link', { name: made.id }).click()
  await page.locator('.id').getByText(made.request).waitFor()
})

it('follows a background response from its start to its cancellation', async () => {
  const body = { model: 'gpt-4o', input: '/slow 60000 hello', background: true }
  const answer = await gateway.post(body, projectKey)
  const { id } = (await answer.json()) as { id: string }
  await gateway.app.flush()
  await page.goto(`${gateway.origin}/requests/${answer.headers.get('x-request-id')}`)
  await page.getByText('JSON, in the background').waitFor()
  const badge = page.locator('dm-status')
  await badge.getByText(/queued|in progress/).waitFor()
  await fetch(`${gateway.origin}/v1/responses/${id}/cancel`, { method: 'POST', headers: projectKey })
  await badge.getByText('cancelled').waitFor()
})

it('names turns of a WebSocket, compactions and counts', async () => {
  const socket = await openSocket(gateway.origin, { headers: projectKey })
  await socket.ask({ model: 'gpt-4o', input: 'over a socket' })
  await socket.close()
  for (const path of ['compact', 'input_tokens']) {
    const answer = await fetch(`${gateway.origin}/v1/responses/${path}`, {
      method: 'POST',
      headers: { ...projectKey, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'balanced', input: [{ role: 'user', content: path }] }),
    })
    assert.equal(answer.status, 200)
  }
  await gateway.app.flush()
  await page.goto(`${gateway.origin}/requests`)
  const rows = page.locator('dm-request-table tbody tr')
  await rows.nth(0).getByText('token count', { exact: true }).waitFor()
  await rows.nth(1).getByText('compaction', { exact: true }).waitFor()
  await rows.nth(2).getByRole('link').click()
  await page.getByText('a turn of a WebSocket').waitFor()
})

it('says to the nano-dollar what a request cost, and where nothing is known', async () => {
  const asked = { input: 'How much is it?', metadata: { ticket: 'A-12' }, safety_identifier: 'user-7' }
  const session = { 'x-dragoman-session': 'run-7.b' }
  const answer = await gateway.post({ model: 'gpt-4o', ...asked }, { ...projectKey, ...session })
  const { usage } = (await answer.json()) as { usage: { output_tokens: number } }
  await gateway.app.flush()
  const id = answer.headers.get('x-request-id')
  await page.goto(`${gateway.origin}/requests/${id}`)
  const table = page.getByRole('table', { name: 'Cost' })
  await table.getByText('of the test').waitFor()
  const output = table.getByRole('row', { name: /^Output tokens/ })
  // A token of ten dollars per million is ten thousand nano-dollars.
  await output.getByText(`$${(usage.output_tokens / 100_000).toFixed(9)}`).waitFor()
  await page.getByRole('link', { name: 'ticket A-12' }).click()
  await page.locator('dm-filter-chips').getByText('metadata ticket').waitFor()
  const same = page.locator('dm-request-table tbody tr')
  await same.first().waitFor()
  assert.equal(await same.count(), 1)
  await page.goBack()
  await page.locator('dl.facts').getByRole('link', { name: 'run-7.b' }).click()
  await page.getByText('every request has a price').waitFor()
  await page.goto(`${gateway.origin}/requests?unpriced=true`)
  const unpriced = page.locator('dm-request-table tbody tr', { hasText: 'balanced' }).first()
  await unpriced.getByText('unknown').first().waitFor()
  assert.equal(await page.locator('dm-request-table tbody tr', { hasText: 'gpt-4o' }).count(), 0)
})

it('finds words in what was said, and saves the view as a file', async () => {
  await call({ model: 'gpt-4o', input: 'a zebra crossing in the rain' })
  await call({ model: 'gpt-4o', input: 'a zebra on the steppe' })
  await page.goto(`${gateway.origin}/requests`)
  await page.getByRole('searchbox').fill('zebra -steppe')
  await page.keyboard.press('Enter')
  await page.waitForURL(/q=zebra/)
  const rows = page.locator('dm-request-table tbody tr')
  await page.getByText('Not live').waitFor()
  await rows.first().waitFor()
  assert.equal(await rows.count(), 1)
  const coming = page.waitForEvent('download')
  await page.getByRole('button', { name: 'CSV' }).click()
  const text = await readFile(await (await coming).path(), 'utf8')
  assert.match(text, /# complete: 1 rows/)
})

it('tells of requests by the live tail, without asking again', async (t) => {
  const seen: string[] = []
  const note = (what: string) => (request: Request) => seen.push(`${what} ${new URL(request.url()).pathname}`)
  page.on('request', note('asked'))
  page.on('response', (response) => note('begun')(response.request()))
  page.on('requestfinished', note('got'))
  await page.goto(`${gateway.origin}/requests`)
  const rows = page.locator('dm-request-table tbody tr')
  await rows.first().waitFor()
  // When the tail is open, the list is asked for once more, and then for half a minute not again.
  await t.waitFor(
    () => {
      const open = seen.indexOf('begun /admin/requests/tail')
      const asked = seen.indexOf('asked /admin/requests', open)
      const got = seen.indexOf('got /admin/requests', asked)
      assert.ok(open !== -1 && asked !== -1 && got !== -1, seen.join('\n'))
    },
    { timeout: 60_000 },
  )
  const countAsked = () => seen.filter((what) => what === 'asked /admin/requests').length
  const before = countAsked()
  await call({ model: 'gpt-4o', input: 'told of', metadata: { told: 'yes' } })
  const id = await call({ model: 'balanced', input: 'told of too' })
  await rows.first().locator(`a[href$="${id}"]`).waitFor()
  assert.equal(countAsked(), before)
})

it('adds up sessions, spend and the overview as the API does', async () => {
  // In this month, in which the others may not have run.
  await call({ model: 'gpt-4o', input: '/count 3', metadata: { ticket: 'A-12' } })
  await call({ model: 'balanced', input: '/count 2' })
  await page.goto(`${gateway.origin}/sessions`)
  await page.locator('dm-session-table').getByRole('link', { name: 'run-7.b' }).waitFor()
  await page.goto(`${gateway.origin}/spend`)
  const table = page.getByRole('table', { name: 'Spend' })
  await table.waitFor()
  const headers = { 'x-admin-key': adminKey }
  const answer = await fetch(`${gateway.origin}/admin/spend?group_by=model&period=day`, { headers })
  const { totals } = (await answer.json()) as { totals: { cost_usd: string; unpriced_requests: number } }
  assert.ok(Number(totals.cost_usd) > 0 && totals.unpriced_requests > 0)
  await table.locator('tfoot').getByText(`$${totals.cost_usd}`).waitFor()
  await page.getByLabel('Group by').selectOption('metadata')
  await page.getByPlaceholder('Metadata name').fill('ticket')
  await page.keyboard.press('Enter')
  await table.getByText('A-12').waitFor()
  for (const range of ['15 m', '90 d']) {
    await page.goto(gateway.origin)
    await page.getByRole('button', { name: range }).click()
    await page
      .locator('dm-stat[label=Cost]')
      .getByText(/requests without a price/)
      .waitFor()
    await page.getByRole('table', { name: 'Projects' }).getByText('acme').waitFor()
  }
})

it('shows a picture that was sent', async () => {
  // Small ones stay in the body; what stands behind a picture's end is no part of it.
  const kept = Buffer.concat([picture.content, Buffer.alloc(5000, 'x')])
  const image = `data:image/png;base64,${kept.toString('base64')}`
  const content = [
    { type: 'input_text', text: 'What is on it?' },
    { type: 'input_image', detail: 'auto', image_url: image },
  ]
  const id = await call({ model: 'gpt-5-mini', input: [{ type: 'message', role: 'user', content }] })
  await page.goto(`${gateway.origin}/requests/${id}`)
  const shown = page.getByRole('img', { name: /A picture of the request/ })
  await shown.waitFor()
  assert.equal(await shown.evaluate((element) => Reflect.get(element, 'naturalWidth')), 10)
})

it('meets no error and breaks no policy on the way', () => assert.deepEqual(troubles, []))
