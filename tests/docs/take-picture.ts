/** `npm run picture`: the README's picture of one request, taken of a gateway on its sandbox. */
import { fileURLToPath } from 'node:url'
import { launchBrowser } from '../support/browser.ts'
import { startGateway } from '../support/start-gateway.ts'

const path = fileURLToPath(new URL('../../docs/images/dashboard-request-dark.png', import.meta.url))

const prices = { augment: { balanced: [{ version: '2026-11', input: '0.4', output: '1.6' }] } }
const gateway = await startGateway({ configure: (config) => ({ ...config, prices }) })
const browser = await launchBrowser()
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
  const page = await browser.newPage({ viewport: { width: 1360, height: 1180 }, colorScheme: 'dark' })
  await page.goto(`${gateway.origin}/requests/${next.id}`)
  await page.getByText('The client sent').first().waitFor()
  await page.screenshot({ path })
} finally {
  await browser.close()
  await gateway.close()
}
