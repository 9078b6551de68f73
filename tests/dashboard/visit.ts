/** Visits of the dashboard in a real browser, over canned records. */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core'
import { launchBrowser } from '../support/browser.ts'
import { type FakeAdmin, startFakeAdmin } from './fake-admin.ts'
import { makeRows, makeStatus } from './fixtures.ts'

export interface Visit {
  page: Page
  /** Console errors, broken promises and policy violations so far. */
  troubles: string[]
}

export type VisitOptions = BrowserContextOptions & { expected?: RegExp }

export interface Visits {
  fake: FakeAdmin
  /** As it was before any test. */
  reset(): void
  /** Opens a page in a fresh profile and closes it after `use`; nothing may go wrong on it, and nothing hostile run. */
  visit(path: string, use: (visit: Visit) => Promise<void>, options?: VisitOptions): Promise<void>
  close(): Promise<void>
}

export async function startVisits(): Promise<Visits> {
  const fake = await startFakeAdmin()
  const browser = await launchBrowser()
  return {
    fake,
    reset: () => resetFake(fake),
    visit: (path, use, options) => visitPage({ browser, url: fake.origin + path, use, options }),
    async close() {
      await browser.close()
      await fake.close()
    },
  }
}

function resetFake(fake: FakeAdmin): void {
  const now = Date.now()
  fake.rows = makeRows(now)
  fake.status = makeStatus(now)
  fake.requests.clear()
  fake.adminKey = null
  fake.failure = null
  fake.idle = false
  fake.retell = (overview) => overview
  fake.tail = true
  fake.searchedTo = null
  fake.calls.length = 0
}

interface PageVisit {
  browser: Browser
  url: string
  use: (visit: Visit) => Promise<void>
  options: VisitOptions | undefined
}

async function visitPage({ browser, url, use, options = {} }: PageVisit): Promise<void> {
  const { expected = /^$/, ...rest } = options
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, ...rest })
  context.setDefaultTimeout(60_000)
  const page = await context.newPage()
  const troubles: string[] = []
  page.on('pageerror', (error) => troubles.push(String(error)))
  page.on('console', (entry) => {
    if (['error', 'warning'].includes(entry.type()) && !expected.test(entry.text()))
      troubles.push(entry.text())
  })
  try {
    await page.goto(url)
    await use({ page, troubles })
    assert.equal(await page.evaluate('globalThis.hacked'), undefined, 'recorded text must never run')
    assert.deepEqual(troubles, [])
  } finally {
    await context.close()
  }
}

/**
 * The query of the newest call of this path that `isWanted`, once there is one: what a page shows may be seen before its
 * call has come.
 */
export async function askedFor(
  fake: FakeAdmin,
  path: string,
  isWanted: (query: URLSearchParams) => boolean = () => true,
): Promise<URLSearchParams> {
  for (;;) {
    const found = fake.calls
      .map((call) => new URL(call, fake.origin))
      .findLast(({ pathname, searchParams }) => pathname === path && isWanted(searchParams))
    if (found !== undefined) return found.searchParams
    await pause(20)
  }
}

export const rows = (page: Page) => page.locator('dm-request-table tbody tr')

/** Run in the page as text, since the compiler's helpers are not there. */
const collectText = new Function(
  'node',
  `const pieces = []
  const walk = (at) => {
    if (at.nodeType === 3) pieces.push(at.data)
    if (at.localName === 'slot') at.assignedNodes().forEach(walk)
    else if (at.localName !== 'style') (at.shadowRoot ?? at).childNodes.forEach(walk)
  }
  walk(node)
  return pieces.join(' ').replace(/\\s+/g, ' ').trim()`,
) as (node: unknown) => string

/** All text in a node, shadow trees and slots included, one space between pieces. */
export const read = (locator: Locator): Promise<string> => locator.evaluate(collectText)
