import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import type { FakeAdmin } from './fake-admin.ts'
import { hostileId, makeRequest, message, row } from './fixtures.ts'
import { hostile } from './hostile.ts'
import { askedFor, read, rows, startVisits, type Visits } from './visit.ts'

let visits: Visits
let fake: FakeAdmin
const visit: Visits['visit'] = (...visited) => visits.visit(...visited)

before(async () => {
  visits = await startVisits()
  fake = visits.fake
})

after(() => visits?.close())

beforeEach(() => visits.reset())

const isTail = (call: string) => call.startsWith('/admin/requests/tail')
const isList = (call: string) => call.startsWith('/admin/requests?')
const readGround = (page: Page) => page.evaluate<string>('getComputedStyle(document.body).backgroundColor')

/** Asked from here: the page's policy forbids what Playwright would wait with in it. */
async function scrolledTo(page: Page, isThere: (y: number) => boolean): Promise<void> {
  while (!isThere(await page.evaluate<number>('scrollY'))) await page.waitForTimeout(20)
}

describe('overview', () => {
  it('shows totals, charts, errors, models and providers', () =>
    visit('/', async ({ page }) => {
      await page.getByRole('group', { name: 'Latency, median' }).getByText('1.24 s').waitFor()
      assert.match(await read(page.getByRole('group', { name: 'Errors', exact: true })), /% of requests/)
      // A chart is drawn once it has been told how wide it is.
      await page.locator('dm-time-chart svg').nth(5).waitFor()
      assert.equal(await page.locator('dm-time-chart svg').count(), 6)
      assert.ok((await page.locator('dm-time-chart rect.one').count()) > 50)
      const providers = page.getByRole('table', { name: 'Providers' })
      assert.match(await read(providers), /sudo[\s\S]*not configured[\s\S]*SUDO_API_KEY/)
      assert.match(
        await read(page.getByRole('table', { name: 'Errors' })),
        /upstream_timeout\s+the provider\s+19/,
      )
      assert.match(await read(page.getByRole('table', { name: 'Models' })), /<img src=x/)
    }))

  it('says in a line how large the store is and how far it goes back', () =>
    visit('/', async ({ page }) => {
      const line = page.getByText('Store:')
      await line.waitFor()
      assert.match(
        await read(line),
        /^Store: 4 GiB of 9\.3 GiB \(43 %\) · requests since \d+ \w+ \d{4}, \d\d:\d\d · bodies since \d+ \w+ \d{4}/,
      )
      assert.equal(await page.locator('.note.warn').count(), 0)
    }))

  it('says what is wrong with the store, and what was lost', async () => {
    const store = { ...fake.status.store, used_bytes: null, oldest_row_at: null, oldest_body_at: null }
    const problem = `The disk is full. Free some space. ${hostile}`
    fake.status = {
      ...fake.status,
      log_rows_dropped: 2,
      store: {
        ...store,
        problem,
        warning: 'Raise log.retention.maxBytes.',
        rows_queued: 57,
        bodies_dropped: 1,
      },
    }
    await visit('/', async ({ page }) => {
      await page.getByText('The store cannot be written. Requests are answered meanwhile').waitFor()
      await page.getByText('57 rows of the log wait. The disk is full. Free some space.').waitFor()
      await page.getByText('The store is too large. Raise log.retention.maxBytes.').waitFor()
      await page.getByText('2 log rows lost').waitFor()
      await page.getByText('1 request kept without the bodies').waitFor()
      assert.equal(await read(page.getByText('Store:')), 'Store: not measured yet')
    })
  })

  it('reads a bucket out by keyboard and leaves a gap where nothing is known', () =>
    visit('/', async ({ page }) => {
      const chart = page.getByRole('group', { name: /^Latency over time/ })
      await chart.focus()
      await page.keyboard.press('Home')
      await chart.locator('svg').waitFor()
      const readOut = page.locator('dm-time-chart [aria-live]').nth(2)
      assert.match(await read(readOut), /Median \d.*95th percentile \d/)
      for (let step = 0; step < 35; step++) await page.keyboard.press('ArrowRight')
      assert.match(await read(readOut), /Median none/)
      // Each of the three lines is in two pieces, before and after the quiet time.
      assert.equal(await chart.locator('path.line').count(), 6)
    }))

  it('keeps the range and the filters in the address and asks the API for them', () =>
    visit('/', async ({ page }) => {
      await page.getByRole('button', { name: '24 h' }).click()
      await page.locator('select[name=provider]').selectOption('sail')
      await page.waitForURL(/\?range=24h&provider=sail$/)
      await page.getByRole('table', { name: 'Providers' }).waitFor()
      const asked = await askedFor(fake, '/admin/overview', (query) => query.get('provider') === 'sail')
      assert.equal(Date.parse(asked.get('to')!) - Date.parse(asked.get('from')!), 86_400_000)
      await page.getByRole('link', { name: 'Errors', exact: true }).click()
      await page.waitForURL(/\/requests\?provider=sail&range=24h&status=error$/)
    }))

  it('says what to do while there is nothing, and that the sandbox is one', async () => {
    fake.idle = true
    fake.status = { ...fake.status, sandbox: true, log_rows_dropped: 3 }
    await visit('/', async ({ page }) => {
      await page.getByText('No requests in the last hour').waitFor()
      const command = await read(page.locator('dm-empty pre'))
      assert.match(command, new RegExp(`curl ${fake.origin}/v1/responses`))
      assert.match(command, /"model":"openai\/gpt-oss-120b"/)
      assert.doesNotMatch(command, /authorization/)
      await page.getByText('The providers here are simulated.').waitFor()
      await page.getByText('3 log rows lost').waitFor()
      assert.match(await read(page.getByRole('group', { name: 'First token, median' })), /unknown/)
    })
  })
})

describe('requests', () => {
  it('lists the newest with everything known, and a dash read as unknown for the rest', () =>
    visit('/requests', async ({ page }) => {
      await rows(page).first().waitFor()
      assert.equal(await rows(page).count(), 50)
      assert.match(await read(rows(page).nth(0)), /in progress[\s\S]*scaleway · gpt-oss-120b[\s\S]*unknown/)
      assert.match(
        await read(rows(page).nth(1)),
        /1,204[\s\S]*318[\s\S]*1\.84 s[\s\S]*2 attempts[\s\S]*3 changes/,
      )
      assert.match(await read(rows(page).nth(2)), /failed[\s\S]*upstream_timeout/)
      assert.match(await read(rows(page).nth(3)), /no model named[\s\S]*reached no provider/)
      assert.ok((await read(rows(page).nth(6))).includes(hostile))
    }))

  it('says of each what it had to do with kept state', () =>
    visit('/requests', async ({ page }) => {
      const readRow = (id: string) => read(rows(page).filter({ has: page.locator(`a[href$=${id}]`) }))
      await rows(page).first().waitFor()
      assert.match(await readRow('req_queued'), /◷ queued[\s\S]*at no provider yet[\s\S]*background$/)
      assert.match(await readRow('req_stopped'), /⊘ cancelled[\s\S]*stream background$/)
      assert.match(await readRow('req_chain'), /continued 1 change$/)
      assert.match(await readRow('req_replay'), /answered before[\s\S]*replayed$/)
      assert.match(await readRow('req_compact'), /compaction continued 1 change$/)
      assert.match(await readRow('req_count'), /token count$/)
    }))

  it('pages to older ones', () =>
    visit('/requests', async ({ page }) => {
      await page.getByRole('button', { name: 'Older requests' }).click()
      await rows(page).nth(99).waitFor()
      await page.getByRole('button', { name: 'Older requests' }).click()
      await rows(page).nth(119).waitFor()
      assert.equal(await rows(page).count(), 120)
      await page.getByRole('button', { name: 'Older requests' }).waitFor({ state: 'detached' })
    }))

  it('filters by the facets, in the address too', () =>
    visit('/requests', async ({ page }) => {
      await page.locator('select[name=model]').selectOption(hostile)
      await page.waitForURL((url) => url.searchParams.get('model') === hostile)
      await rows(page).getByText(hostile).first().waitFor()
      assert.equal(await rows(page).count(), 1)
      await page.getByRole('button', { name: 'Clear filters' }).click()
      await rows(page).nth(49).waitFor()
      await page.goto(`${fake.origin}/requests?status=error&provider=sail`)
      await rows(page).first().waitFor()
      assert.equal(await rows(page).count(), 1)
      assert.equal(await page.locator('select[name=status]').inputValue(), 'error')
      await page.locator('select[name=project]').selectOption(hostile)
      await page.getByText('Nothing matches these filters').waitFor()
    }))

  it('lets new requests in at the top and marks them', () =>
    visit('/requests', async ({ page }) => {
      await rows(page).first().waitFor()
      fake.rows[0] = { ...fake.rows[0]!, status: 'completed' }
      fake.rows.unshift(row('req_fresh', Date.now(), { model: 'fresh/model' }))
      const fresh = page.locator('dm-request-table tr.arrived')
      await fresh.getByText('fresh/model').waitFor()
      assert.equal(await fresh.count(), 1)
      assert.match(await read(rows(page).nth(1)), /completed/)
    }))

  it('does not move what a reader further down looks at', () =>
    visit('/requests', async ({ page }) => {
      await rows(page).nth(20).scrollIntoViewIfNeeded()
      const from = await page.evaluate<number>('scrollY')
      await page.mouse.wheel(0, 500)
      // It comes some frames later, and would look like rows that moved.
      await scrolledTo(page, (y) => y >= from + 500)
      const before = await rows(page).nth(20).boundingBox()
      fake.rows.unshift(row('req_late_2', Date.now()), row('req_late_1', Date.now()))
      const button = page.getByRole('button', { name: '2 new requests' })
      await button.waitFor()
      assert.equal(await rows(page).locator('a[href$=req_late_2]').count(), 0)
      const after = await rows(page).nth(20).boundingBox()
      assert.ok(Math.abs(after!.y - before!.y) < 1, `moved from ${before!.y} to ${after!.y}`)
      await button.click()
      await rows(page).locator('a[href$=req_late_2]').waitFor()
      await scrolledTo(page, (y) => y === 0)
    }))

  it('stands still while paused', () =>
    visit('/requests', async ({ page }) => {
      await rows(page).first().waitFor()
      // The tail has begun, and what came before it has been asked for.
      await askedFor(fake, '/admin/requests/tail')
      await askedFor(
        fake,
        '/admin/requests',
        () => fake.calls.findLastIndex(isList) > fake.calls.findIndex(isTail),
      )
      await page.getByRole('button', { name: 'Pause' }).click()
      await page.getByRole('status').getByText('Paused').waitFor()
      const asked = fake.calls.filter((call) => call.startsWith('/admin/requests')).length
      fake.rows.unshift(row('req_unseen', Date.now()))
      await page.waitForTimeout(2500)
      assert.equal(fake.calls.filter((call) => call.startsWith('/admin/requests')).length, asked)
      await page.getByRole('button', { name: 'Resume' }).click()
      await rows(page).locator('a[href$=req_unseen]').waitFor()
    }))

  it('goes to a request by keyboard and back to the same list', () =>
    visit('/requests', async ({ page }) => {
      await rows(page).nth(1).getByRole('link').first().focus()
      await page.keyboard.press('Enter')
      await page.waitForURL(/\/requests\/req_kind_1$/)
      await page.getByRole('heading', { name: 'deepseek-ai/DeepSeek-V3.2' }).waitFor()
      await page.goBack()
      await rows(page).nth(1).waitFor()
    }))

  it('shows a failing API with a way to try again', async () => {
    fake.failure = 500
    await visit(
      '/requests',
      async ({ page }) => {
        await page.getByRole('alert').getByText('The store is not there.').waitFor()
        fake.failure = null
        await page.getByRole('button', { name: 'Try again' }).click()
        await rows(page).first().waitFor()
        assert.equal(await page.getByRole('alert').count(), 0)
      },
      { expected: /500/ },
    )
  })
})

describe('one request', () => {
  it('compares what the client sent with what the provider got, adaptations at their lines', () =>
    visit('/requests/req_kind_1', async ({ page }) => {
      const request = page.locator('dm-message-pair').first()
      const clamped = request.locator('.row.changed.marked', { hasText: '"max_output_tokens"' })
      await clamped.waitFor()
      assert.match(await read(clamped.locator('.left')), /100000/)
      assert.match(await read(clamped.locator('.right')), /8000/)
      assert.match(await read(request.locator('.row.removed')), /"presence_penalty" : 0.5/)
      assert.match(await read(request.locator('.row.added')), /"store" : false/)
      const marks = await request.locator('.mark .badge').allInnerTexts()
      assert.deepEqual(marks, ['clamped', 'dropped', 'mapped'])
      assert.ok((await read(request)).includes(JSON.stringify(hostile).slice(1, -1)))
    }))

  it('shows streams as lists of events, and raw', () =>
    visit('/requests/req_kind_1', async ({ page }) => {
      const response = page.locator('dm-message-pair').nth(1)
      const received = response.getByRole('region', { name: 'The client received' })
      await received.getByText('response.output_text.delta').waitFor()
      assert.match(await read(received), /response\.output_text\.delta × 8\s+A gateway that translates/)
      await received.getByRole('button', { name: /output_text\.delta/ }).click()
      assert.equal(await received.locator('.parts pre').count(), 8)
      await response.getByRole('button', { name: 'Raw' }).click()
      assert.match(await read(received), /^event: response\.created data: \{/)
    }))

  it('shows the bodies of the attempt chosen', () =>
    visit('/requests/req_kind_1', async ({ page }) => {
      await page.getByRole('heading', { name: '2 attempts' }).waitFor()
      await page.getByRole('button', { name: /429/ }).click()
      const answered = page.getByRole('region', { name: 'sail answered' })
      await answered.getByText('slow down').waitFor()
    }))

  it('explains an error and never shows an unknown number as 0', () =>
    visit('/requests/req_kind_3', async ({ page }) => {
      const error = page.getByRole('region', { name: 'Error' })
      await error.waitFor()
      const text = await read(error)
      assert.match(text, /invalid_request/)
      assert.match(text, /The caller’s request is at fault/)
      assert.ok(text.includes(hostile))
      const facts = await read(page.locator('dl.facts'))
      assert.match(facts, /Input tokens\s+unknown/)
      assert.match(facts, /Provider\s+none was reached/)
      await page.getByText('Nothing was recorded: it never came to this.').first().waitFor()
    }))

  it('tells what a request goes on from, and leads there', async () => {
    const chain = makeRequest(fake.rows.find(({ id }) => id === 'req_chain')!)
    chain.client_request = message(
      { model: 'm', input: 'x', previous_response_id: 'resp_earlier', conversation: { id: 'conv_1' } },
      { 'idempotency-key': hostile },
    )
    fake.requests.set('req_chain', chain)
    fake.requests.set('resp_earlier', makeRequest(row('req_earlier', Date.now(), { model: 'the/first' })))
    await visit('/requests/req_chain', async ({ page }) => {
      const facts = page.locator('dl.facts')
      await facts.waitFor()
      const text = await read(facts)
      assert.match(text, /Goes on from resp_earlier Conversation conv_1 Idempotency key <img/)
      assert.doesNotMatch(text, /Replayed/)
      const groups = page.locator('section.card', { has: page.locator('ul.adaptations') })
      assert.match(await read(groups.nth(0)), /what it keeps emulated previous_response_id the earlier turns/)
      assert.match(
        await read(groups.nth(1)),
        /^1 adaptation to what .* dropped input\.reasoning made by another/,
      )
      await facts.getByRole('link', { name: 'resp_earlier' }).click()
      await page.getByRole('heading', { name: 'the/first' }).waitFor()
    })
  })

  it('tells a replayed answer from one that was made', async () => {
    const replay = makeRequest(fake.rows.find(({ id }) => id === 'req_replay')!)
    replay.client_response = message({ id: 'resp_1st', object: 'response', output: [] })
    fake.requests.set('req_replay', replay)
    await visit('/requests/req_replay', async ({ page }) => {
      const facts = page.locator('dl.facts')
      await facts.waitFor()
      assert.match(await read(facts), /Provider none was needed[\s\S]*Replayed from resp_1st/)
      await page.getByText('no provider was called').waitFor()
    })
  })

  it('says how a request ran: in the background, over a WebSocket, as another operation', async () => {
    const turn = makeRequest(row('req_turn', Date.now(), { stream: true }))
    turn.client_request = message({ type: 'response.create', model: 'm' }, { upgrade: 'websocket' })
    fake.requests.set('req_turn', turn)
    for (const [id, asked] of [
      ['req_stopped', /Asked for a stream, in the background/],
      ['req_turn', /Asked for a turn of a WebSocket/],
      ['req_compact', /Asked for a compaction/],
      ['req_count', /Asked for a count of tokens/],
    ] as const) {
      await visit(`/requests/${id}`, async ({ page }) => {
        await page.locator('dl.facts').waitFor()
        assert.match(await read(page.locator('dl.facts')), asked)
      })
    }
  })

  it('flags estimated usage', () =>
    visit('/requests/req_kind_4', async ({ page }) => {
      await page.locator('dl.facts').waitFor()
      assert.match(await read(page.locator('dl.facts')), /Input tokens\s+1,204\s+estimated by the gateway/)
    }))

  it('opens a hostile id by a link and by its address', () =>
    visit('/requests', async ({ page }) => {
      await rows(page).nth(7).getByRole('link').click()
      await page.getByText(hostileId, { exact: true }).waitFor()
      await page.reload()
      await page.getByText(hostileId, { exact: true }).waitFor()
    }))

  it('bears huge, deep, cut and unkept bodies', async () => {
    const huge = makeRequest(row('req_huge', Date.now()))
    const items = Array.from({ length: 4000 }, (_, index) => ({
      type: 'message',
      role: 'user',
      content: `line ${index}`,
    }))
    const image = `data:image/png;base64,${'A'.repeat(3_000_000)}`
    huge.client_request = message({ model: 'm', input: items, image })
    huge.attempt_list[0]!.request = message({ model: 'n', input: items, image: `${image}B` })
    huge.attempt_list[0]!.response = message({}, {})
    huge.attempt_list[0]!.response.body = { text: '{"cut', bytes: 9_000_000, truncated: true, absent: null }
    huge.client_response = message({}, {})
    huge.client_response.body = { text: null, bytes: 5000, truncated: false, absent: 'not_kept' }
    fake.requests.set('req_huge', huge)
    const deep = makeRequest(row('req_deep', Date.now()))
    deep.client_request = message({})
    deep.client_request.body.text = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
    fake.requests.set('req_deep', deep)
    await visit('/requests/req_huge', async ({ page }) => {
      await page
        .getByRole('button', { name: /equal lines/ })
        .first()
        .waitFor()
      await page
        .getByRole('button', { name: /more characters/ })
        .first()
        .waitFor()
      await page.getByText('truncated').waitFor()
      await page.getByText('The body was not kept: the configuration keeps none.').waitFor()
      assert.ok((await page.locator('.row').count()) < 3000)
    })
    await visit('/requests/req_deep', async ({ page }) => {
      await page.getByRole('region', { name: 'The client sent' }).getByText('[[[[[').waitFor()
    })
  })

  it('follows a queued request to its end', async () => {
    await visit('/requests/req_queued', async ({ page }) => {
      const badge = page.locator('dm-status')
      await badge.getByText('queued').waitFor()
      const change = (status: string) => {
        fake.rows = fake.rows.map((one) => (one.id === 'req_queued' ? { ...one, status } : one))
      }
      change('in_progress')
      await badge.getByText('in progress').waitFor()
      change('cancelled')
      await badge.getByText('cancelled').waitFor()
    })
  })

  it('follows a running request to its end', async () => {
    await visit('/requests/req_kind_0', async ({ page }) => {
      await page.getByText('in progress').waitFor()
      fake.rows[0] = { ...fake.rows[0]!, status: 'completed', latency_ms: 4210 }
      await page.getByText('4.21 s').waitFor()
    })
  })

  it('says so when there is no such request', () =>
    visit(
      '/requests/req_none',
      async ({ page }) => {
        await page.getByText('There is no such request').waitFor()
      },
      { expected: /404/ },
    ))
})

describe('frame', () => {
  it('asks for the admin key once, keeps it for the tab, and signs out', async () => {
    fake.adminKey = 'sesame-1'
    await visit(
      '/requests?provider=sail',
      async ({ page }) => {
        const field = page.getByLabel('Admin key')
        await field.fill('wrong')
        await page.keyboard.press('Enter')
        await page.getByText('This is not the admin key.').waitFor()
        await field.fill('sesame-1')
        await page.keyboard.press('Enter')
        await rows(page).first().waitFor()
        assert.match(page.url(), /provider=sail$/)
        await page.reload()
        await rows(page).first().waitFor()
        assert.equal(await page.evaluate('localStorage.length'), 0)
        await page.getByRole('button', { name: 'Sign out' }).click()
        await field.waitFor()
        assert.equal(await page.evaluate('sessionStorage.length'), 0)
        assert.equal(await rows(page).count(), 0)
      },
      { expected: /401/ },
    )
  })

  it('is light or dark as the system has it, or as chosen', () =>
    visit(
      '/',
      async ({ page }) => {
        assert.equal(await readGround(page), 'rgb(14, 17, 19)')
        await page.getByRole('button', { name: 'Light' }).click()
        assert.equal(await readGround(page), 'rgb(246, 247, 248)')
        await page.reload()
        await page.getByRole('button', { name: 'Light', pressed: true }).waitFor()
        assert.equal(await readGround(page), 'rgb(246, 247, 248)')
      },
      { colorScheme: 'dark' },
    ))

  for (const path of [
    '/',
    '/requests',
    '/requests/req_kind_1',
    '/requests/req_kind_3',
    '/sessions',
    '/sessions/agent-run-7f21',
    '/spend',
  ]) {
    it(`fits a phone: ${path}`, () =>
      visit(
        path,
        async ({ page }) => {
          await page
            .locator('dm-stat, dm-request-table tbody tr, dm-session-table tbody tr, dm-message-pair')
            .first()
            .waitFor()
          assert.equal(await page.evaluate('document.documentElement.scrollWidth > innerWidth'), false)
        },
        { viewport: { width: 375, height: 740 } },
      ))
  }

  it('names a page that there is not', () =>
    visit('/nowhere', async ({ page }) => {
      await page.getByRole('heading', { name: 'There is no such page' }).waitFor()
      await page.getByRole('link', { name: 'Go to the overview' }).click()
      await page.getByRole('heading', { name: 'Overview' }).waitFor()
    }))
})
