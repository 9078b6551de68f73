/** What the pages make of the whole record: filters, search, the live tail, files, costs, sessions, spend. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, beforeEach, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import type { FakeAdmin } from './fake-admin.ts'
import { makeRequest, message, row } from './fixtures.ts'
import { hostile } from './hostile.ts'
import { hostileSession, makeSpend, picture } from './money-fixtures.ts'
import { askedFor, read, rows, startVisits, type Visit, type Visits } from './visit.ts'

let visits: Visits
let fake: FakeAdmin
const visit: Visits['visit'] = (...visited) => visits.visit(...visited)

before(async () => {
  visits = await startVisits()
  fake = visits.fake
})

after(() => visits?.close())

beforeEach(() => visits.reset())

const chips = (page: Page) => page.locator('dm-filter-chips')
const lastAsked = (path: string) =>
  new URL(fake.calls.findLast((call) => call.split('?')[0] === path)!, fake.origin).searchParams

async function readDownload(page: Page, name: string): Promise<string> {
  const coming = page.waitForEvent('download')
  await page.getByRole('button', { name }).click()
  return readFile(await (await coming).path(), 'utf8')
}

describe('filters of the list', () => {
  it('stand in the address, are said as chips, and go one by one', () =>
    visit('/requests?range=24h&min_latency_ms=1000&metadata%5Bticket%5D=A-12', async ({ page }) => {
      await rows(page).first().waitFor()
      assert.equal(await rows(page).count(), 1)
      assert.match(
        await read(chips(page)),
        /Time Last 24 hours .*Latency at least 1 s .*metadata ticket A-12/,
      )
      const asked = lastAsked('/admin/requests')
      assert.equal(asked.get('metadata[ticket]'), 'A-12')
      assert.equal(asked.has('range'), false)
      assert.ok(Date.now() - Date.parse(asked.get('from')!) >= 86_400_000)
      await page.getByRole('button', { name: 'Remove metadata ticket: A-12' }).click()
      await page.waitForURL(/\/requests\?range=24h&min_latency_ms=1000$/)
      await rows(page).nth(20).waitFor()
      await page.getByRole('button', { name: 'Clear filters' }).click()
      await page.waitForURL(/\/requests$/)
    }))

  it('offer what the traffic has with its counts, the rare ones behind a button', () =>
    visit('/requests', async ({ page }) => {
      await rows(page).first().waitFor()
      const options = await page.locator('select[name=provider] option').allInnerTexts()
      assert.match(
        options.map((option) => option.trim()).join('|'),
        /^All providers\|scaleway \(\d+\)\|sail \(\d+\)/,
      )
      await page.getByRole('button', { name: 'More filters' }).click()
      await page.locator('select[name=error_code]').selectOption('upstream_timeout')
      await page.locator('select[name=unpriced]').selectOption('true')
      await page.getByLabel('Metadata name').fill('team')
      await page.getByLabel('Value').fill('a & b')
      await page.getByRole('button', { name: 'Add' }).click()
      await page.waitForURL((url) => url.searchParams.get('metadata[team]') === 'a & b')
      await page.getByLabel('From').fill('2026-11-01T10:00')
      await page.waitForURL((url) => url.searchParams.get('from')?.endsWith('Z') === true)
      await page.getByRole('button', { name: 'More filters 4' }).waitFor()
      const asked = await askedFor(fake, '/admin/requests', (query) => query.has('from'))
      assert.equal(asked.get('unpriced'), 'true')
      // A range takes the place of a stretch with ends.
      await page.locator('select[name=range]').selectOption('7d')
      await page.waitForURL((url) => url.searchParams.get('range') === '7d' && !url.searchParams.has('from'))
    }))

  it('search all text, say how far back was looked, and go on from there', async () => {
    fake.searchedTo = '2026-03-12T14:03:00.000Z'
    const search = async ({ page }: Visit) => {
      await page.getByLabel('How to search').click()
      await page.getByText('words that begin so').waitFor()
      await page.getByRole('searchbox').fill('oss')
      await page.keyboard.press('Enter')
      await page.waitForURL(/\?q=oss$/)
      await page.getByText('Searched back to 12 Mar 2026, 19:33.').waitFor()
      await page.getByRole('status').getByText('Not live').waitFor()
      const shown = await rows(page).count()
      await page.getByRole('button', { name: 'Search further back' }).click()
      await rows(page).nth(shown).waitFor()
      assert.equal(await page.getByText('Searched back').count(), 0)
      assert.equal(
        fake.calls.filter((call) => call.includes('tail?q=') || call.includes('&q=oss&tail')).length,
        0,
      )
    }
    // Times are those of the reader's own place.
    await visit('/requests', search, { timezoneId: 'Asia/Kolkata' })
  })

  it('begin at a cursor of the address, from where newer ones can be had', async () => {
    const before = fake.rows[79]!.id
    await visit(`/requests?before=${encodeURIComponent(before)}`, async ({ page }) => {
      await rows(page).first().waitFor()
      assert.equal(await rows(page).count(), 40)
      await page.getByRole('button', { name: 'Newer requests' }).click()
      await rows(page).nth(89).waitFor()
      await page.getByRole('button', { name: 'Newer requests' }).click()
      await rows(page).nth(119).waitFor()
      await page.getByRole('link', { name: 'To the newest' }).click()
      await page.waitForURL(/\/requests$/)
      await page.getByRole('status').getByText('Live').waitFor()
    })
  })

  it('are those of the files that can be saved', () =>
    visit('/requests?model=gpt-4o&range=24h', async ({ page }) => {
      await page.getByText('Nothing matches').waitFor()
      const text = await readDownload(page, 'JSONL')
      assert.match(text, /^exported \?model=gpt-4o&from=2[^&]+&format=jsonl\n$/)
    }))
})

describe('the live list', () => {
  it('asks again and again when there is no tail, and follows it when it is back', async () => {
    fake.tail = false
    await visit(
      '/requests',
      async ({ page }) => {
        await rows(page).first().waitFor()
        fake.rows.unshift(row('req_polled', Date.now()))
        await rows(page).locator('a[href$=req_polled]').waitFor()
        fake.tail = true
        const tails = () => fake.calls.filter((call) => call.includes('/tail')).length
        const before = tails()
        while (tails() === before) await page.waitForTimeout(200)
        fake.rows.unshift(row('req_told', Date.now()))
        await rows(page).locator('a[href$=req_told]').waitFor()
      },
      { expected: /404/ },
    )
  })
})

describe('money', () => {
  it('is shown short with the exact sum in the title, and unknown is never $0', () =>
    visit('/requests', async ({ page }) => {
      await rows(page).first().waitFor()
      const cost = (index: number) => rows(page).nth(index).locator('.cost')
      assert.match(await read(cost(1)), /\$0\.0123/)
      assert.equal(await cost(1).getAttribute('title'), '$0.012345678')
      assert.equal(await read(cost(4)), 'unknown : no price is known for the model')
      assert.match(await read(cost(0)), /– : known at the end/)
    }))

  it('is explained line by line: attempts, quantities, rates, and what was estimated', () =>
    visit('/requests/req_kind_1', async ({ page }) => {
      const table = page.getByRole('table', { name: 'Cost' })
      await table.waitFor()
      const text = await read(table)
      assert.match(text, /Attempt 1 sail · deepseek-ai\/DeepSeek-V3\.2 price default\/2026-11-01/)
      assert.match(text, /Attempt 2 scaleway · gpt-oss-120b price config estimated/)
      assert.match(text, /Output tokens 20,089 × \$0\.60 per million \$0\.012053400/)
      assert.match(text, /Requests 1 × \$198\.00 per million \$0\.000198000/)
      assert.match(text, /Sum of 2 attempts \$0\.012345678$/)
    }))

  it('is summed on the overview, with what has no price and what is estimated apart', () =>
    visit('/', async ({ page }) => {
      const tile = page.getByRole('group', { name: 'Cost', exact: true })
      await tile.waitFor()
      assert.match(
        await read(page.locator('dm-stat[label=Cost]')),
        /\$1\.93 27 requests without a price \$0\.0412 of it/,
      )
      assert.match(
        await read(page.locator('dm-stat[label=Tokens]')),
        /812\.4K cached .*311\.9K reasoning and 80,640 estimated/,
      )
      const models = page.getByRole('table', { name: 'Models' })
      assert.match(await read(models), /DeepSeek-V3\.2 1,620 60 2M \$1\.20 \+/)
      await page.getByRole('button', { name: 'by cost' }).click()
      await models.locator('tbody tr').first().getByText('DeepSeek').waitFor()
      await page.getByRole('link', { name: '27 requests without a price' }).click()
      await page.waitForURL(/\/requests\?range=1h&unpriced=true$/)
    }))
})

describe('an overview without prices', () => {
  it('has an unknown cost, in the tile, the lists and the chart, where that of no request is known', async () => {
    const withoutPrice = <Figures extends { requests: number }>(figures: Figures) =>
      figures.requests === 0 ? figures : { ...figures, cost_usd: null, unpriced: figures.requests }
    fake.retell = (told) => ({
      ...told,
      totals: { ...withoutPrice(told.totals), estimated_cost_usd: '0.000000000' },
      points: told.points.map((point) => ({ ...withoutPrice(point), estimated_cost_usd: '0.000000000' })),
      models: told.models.map(withoutPrice),
    })
    await visit('/', async ({ page }) => {
      const tile = page.locator('dm-stat[label=Cost]')
      await tile.getByText('without a price').waitFor()
      assert.match(await read(tile), /^(Cost )?unknown [\d,]+ requests without a price$/)
      const models = page.getByRole('table', { name: 'Models' })
      assert.match(await read(models), /DeepSeek-V3\.2 1,620 60 2M unknown/)
      assert.doesNotMatch(await read(models), /\$/)
      await page.getByRole('button', { name: 'by cost' }).click()
      await models.waitFor()
      await page.getByRole('group', { name: /^Cost over time/ }).focus()
      await page.keyboard.press('Home')
      const readOut = page.locator('dm-time-chart [aria-live]').nth(1)
      assert.match(await read(readOut), /providers told unknown$/)
      for (let step = 0; step < 35; step++) await page.keyboard.press('ArrowRight')
      assert.match(await read(readOut), /providers told \$0$/)
    })
  })
})

describe('the time of the overview', () => {
  it('has a notice while older requests are still being counted', async () => {
    await visit('/', async ({ page }) => {
      await page.locator('.span').waitFor()
      assert.equal(await page.getByText('still being counted').count(), 0)
    })
    fake.retell = (told) => ({ ...told, incomplete_before: '2026-11-20T12:00:00.001Z' })
    await visit('/', async ({ page }) => {
      const note = page.locator('.note', { hasText: 'still being counted' })
      await note.waitFor()
      assert.match(await read(note), /before \d+ Nov 2026, \d\d:\d\d/)
    })
  })

  it('is said, and where it is not quite what was asked for', () =>
    visit('/', async ({ page }) => {
      const span = page.locator('.span')
      await span.waitFor()
      assert.match(await read(span), /^\d+ \w+ \d{4}, \d\d:\d\d – .*\d\d:\d\d ?, by 1 min$/)
      await page.getByRole('button', { name: '90 d' }).click()
      await span.getByText('moved to whole hours').waitFor()
      assert.equal(new URL(page.url()).searchParams.get('range'), '90d')
    }))
})

describe('one request', () => {
  it('leads to its session, conversation, user and others with the same metadata', () =>
    visit('/requests/req_kind_1', async ({ page }) => {
      await page.locator('dl.facts').waitFor()
      const text = await read(page.locator('dl.facts'))
      assert.match(text, /Session agent-run-7f21/)
      assert.match(text, /Service tier priority/)
      const hrefs = await page
        .locator('dl.facts a, .pairs a')
        .evaluateAll((links) => links.map((link) => link.getAttribute('href')))
      assert.ok(hrefs.includes('/sessions/agent-run-7f21?project=acme'))
      assert.ok(hrefs.includes('/requests?conversation=conv_0f3c9a1b2d'))
      assert.ok(hrefs.includes('/requests?user=user-1'))
      await page.getByRole('link', { name: 'ticket A-12' }).click()
      await rows(page).first().waitFor()
      assert.equal(await rows(page).count(), 1)
    }))

  it('shows pictures that were kept, saves other media, and says what is gone', async () => {
    const shown = makeRequest(row('req_media', Date.now()))
    const gone = `dragoman-media:sha256:${'b'.repeat(64)};type=application/pdf;bytes=5000`
    const script = `dragoman-media:sha256:${'c'.repeat(64)};type=image/svg+xml;bytes=50`
    shown.client_request = message({ image_url: picture.reference, file_data: gone, other: script })
    fake.requests.set('req_media', shown)
    await visit(
      '/requests/req_media',
      async ({ page }) => {
        await page.getByText('3 pictures and files').waitFor()
        const image = page.getByRole('img', { name: /A picture of the request/ })
        await image.waitFor()
        assert.equal(await image.evaluate((element) => Reflect.get(element, 'naturalWidth')), 10)
        assert.equal(await page.locator('dm-media img').count(), 1)
        assert.equal(
          fake.calls.some((call) => call.includes('c'.repeat(64))),
          false,
        )
        await page.locator('dm-media li').nth(1).getByRole('button').click()
        await page.getByText('not kept any more').waitFor()
      },
      { expected: /404/ },
    )
  })

  it('says why bodies are not there, and where else an id stands', async () => {
    const found = makeRequest(fake.rows[1]!)
    found.matched_by = 'trace'
    found.matches = fake.rows.slice(1, 4)
    found.bodies_absent = 'expired'
    found.client_request = null
    found.client_response = null
    fake.requests.set('trace_1', found)
    await visit('/requests/trace_1', async ({ page }) => {
      await page.getByRole('heading', { name: 'Found by its trace' }).waitFor()
      assert.equal(await rows(page).count(), 3)
      await page.getByText('The body was removed with age.').first().waitFor()
    })
  })
})

describe('sessions', () => {
  it('are listed with what they came to, and paged', () =>
    visit('/sessions', async ({ page }) => {
      const sessions = page.locator('dm-session-table tbody tr')
      await sessions.nth(19).waitFor()
      assert.match(await read(sessions.nth(1)), /3 requests 23,588 unknown/)
      assert.match(await read(sessions.nth(2)), /24,876 \+ est\. \$0\.0182 \+/)
      await page.getByRole('button', { name: 'Older sessions' }).click()
      await sessions.nth(32).waitFor()
      assert.equal(await page.getByRole('button', { name: 'Older sessions' }).count(), 0)
      await page.locator('select[name=project]').selectOption('acme')
      await page.waitForURL(/\/sessions\?project=acme$/)
    }))

  it('show their requests from the first to the last', () =>
    visit('/sessions/agent-run-7f21?project=acme', async ({ page }) => {
      await rows(page).first().waitFor()
      const times = await rows(page)
        .locator('.time')
        .evaluateAll((cells) => cells.map((cell) => cell.getAttribute('title')))
      assert.deepEqual(times, [...times].sort())
      assert.equal(lastAsked('/admin/requests').get('session'), 'agent-run-7f21')
      assert.equal(lastAsked('/admin/requests').get('project'), 'acme')
      assert.match(await read(page.locator('dm-stat[label=Cost]')), /\$0\.0182 every request has a price/)
    }))

  it('are found by hostile names, and it is said when there is none', async () => {
    await visit('/sessions', async ({ page }) => {
      await page.getByRole('link', { name: hostile }).click()
      await page.getByText(hostileSession, { exact: true }).waitFor()
      await page.reload()
      await page.getByText(hostileSession, { exact: true }).waitFor()
    })
    await visit(
      '/sessions/nobody',
      async ({ page }) => page.getByText('There is no such session').waitFor(),
      {
        expected: /404/,
      },
    )
  })
})

describe('spend', () => {
  it('is exact to the nano-dollar, unknown apart, with a forecast that says how it is made', () =>
    visit('/spend', async ({ page }) => {
      const table = page.getByRole('table', { name: 'Spend' })
      await table.waitFor()
      const { totals } = makeSpend(lastAsked('/admin/spend'))
      assert.match(
        await read(table.locator('tfoot')),
        new RegExp(`^Total \\$${totals.cost_usd!.replace('.', '\\.')} `),
      )
      assert.match(await read(table), /mistral-large unknown –/)
      assert.match(
        await read(page.locator('dm-stat').nth(3)),
        /Forecast for 2026-11 \$812\.41 Spent so far, .* From 28 days/,
      )
      await page.locator('dm-time-chart rect.rest').first().waitFor({ state: 'attached' })
      await page.getByRole('button', { name: 'Each day' }).click()
      assert.match(await read(table.locator('thead')), /^Period Model Cost/)
    }))

  it('is grouped, filtered and saved as the address says', () =>
    visit('/spend?range=12m&by=key', async ({ page }) => {
      await page.getByRole('table', { name: 'Spend' }).waitFor()
      assert.equal(lastAsked('/admin/spend').get('period'), 'month')
      assert.equal(lastAsked('/admin/spend').get('group_by'), 'key')
      await page.locator('select[name=project]').selectOption('acme')
      await page.getByLabel('Group by').selectOption('metadata')
      await page.getByText('Name the metadata to group by.').waitFor()
      await page.getByPlaceholder('Metadata name').fill('team')
      await page.keyboard.press('Enter')
      await page.waitForURL(/by=metadata&project=acme&tag=team$/)
      await page.getByRole('table', { name: 'Spend' }).waitFor()
      // Tags are known by project only.
      assert.equal(await page.locator('select[name=model]').count(), 0)
      assert.match(
        await readDownload(page, 'CSV'),
        /group_by=metadata%3Ateam&period=month&.*project=acme&format=csv/,
      )
    }))
})
