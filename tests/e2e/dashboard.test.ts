/** The dashboard in a real browser on the real gateway: sign in, see the traffic, see what was changed. */
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser } from '../support/browser.ts'
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
    }),
  })
  browser = await launchBrowser()
  page = await browser.newPage()
  page.setDefaultTimeout(8000)
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

it('meets no error and breaks no policy on the way', () => assert.deepEqual(troubles, []))
