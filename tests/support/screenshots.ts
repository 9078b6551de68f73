import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'

export interface Shot {
  name: string
  url: string
  dark?: boolean
  width?: number
  height?: number
  /** Waits for this to be there. */
  until: string
  fullPage?: boolean
}

/** Pictures of pages for people to look at, as PNG files in `folder`. */
export async function takeScreenshots(browser: Browser, folder: string, shots: Shot[]): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const { name, url, dark = false, width = 1360, height = 900, until, fullPage = false } of shots) {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: dark ? 'dark' : 'light',
      reducedMotion: 'reduce',
    })
    const page = await context.newPage()
    await page.goto(url)
    await page.locator(until).first().waitFor()
    await page.screenshot({ path: join(folder, `${name}.png`), fullPage })
    await context.close()
  }
}
