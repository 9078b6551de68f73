/** `npm run picture`: the README's pictures: one request on the sandbox, and the overview over example data. */
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { startFakeAdmin } from '../dashboard/fake-admin.ts'
import { hostile } from '../dashboard/hostile.ts'
import { launchBrowser } from '../support/browser.ts'
import { startGateway } from '../support/start-gateway.ts'

const images = fileURLToPath(new URL('../../docs/images', import.meta.url))
const prices = { augment: { balanced: [{ version: '2026-11', input: '0.4', output: '1.6' }] } }

const browser = await launchBrowser()
try {
  await takeRequest(browser)
  await takeOverview(browser)
} finally {
  await browser.close()
}

async function takeRequest(browser: Browser): Promise<void> {
  const gateway = await startGateway({ configure: (config) => ({ ...config, prices }) })
  try {
    const ask = async (body: object) => (await (await gateway.post(body)).json()) as { id: string }
    const first = await ask({ model: 'gpt-4o', input: 'My name is Ada.' })
    const next = await ask({
      model: 'balanced',
      instructions: 'Be brief.',
      input: '/history',
      previous_response_id: first.id,
      max_output_tokens: 9000,
      presence_penalty: 0.5,
      metadata: { ticket: 'A-12' },
    })
    await gateway.app.flush()
    const page = await browser.newPage({ viewport: { width: 1360, height: 1460 }, colorScheme: 'dark' })
    await page.goto(`${gateway.origin}/requests/${next.id}`)
    await page.getByText('The client sent').first().waitFor()
    await page.screenshot({ path: `${images}/dashboard-request-dark.png` })
  } finally {
    await gateway.close()
  }
}

/** The tests' own example data, but for the name that tries to break in. */
async function takeOverview(browser: Browser): Promise<void> {
  const fake = await startFakeAdmin()
  try {
    const page = await browser.newPage({ viewport: { width: 1360, height: 1290 }, colorScheme: 'light' })
    await page.route('**/admin/**', async (route) => {
      const text = await (await route.fetch()).text()
      const [quoted, plain] = [JSON.stringify(hostile), JSON.stringify('gpt-5-mini')]
      await route.fulfill({ contentType: 'application/json', body: text.replaceAll(quoted, plain) })
    })
    await page.goto(fake.origin)
    await page.locator('dm-time-chart svg').nth(5).waitFor()
    await page.screenshot({ path: `${images}/dashboard-overview-light.png` })
    // Asked again every few seconds; the page must not outlive its server.
    await page.close()
  } finally {
    await fake.close()
  }
}
