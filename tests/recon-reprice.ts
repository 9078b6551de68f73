import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import Database from 'better-sqlite3'
import postgres from 'postgres'
import { loadConfig } from '../server/config/load.ts'
import { priceExchange } from '../server/gateway/money/price-exchange.ts'
import { createRepricing } from '../server/gateway/money/reprice.ts'
import { openStore } from '../server/store/store.ts'
import { makeAttempt, makeExchange, openTestLog } from './server/store/fixtures.ts'
import { sharedServer } from './support/postgres.ts'
const day = 86_400_000, june = Date.UTC(2026, 5, 1)
const rt = (prices: unknown) => loadConfig({ config: { providers: { sail: { variant: 'sail', baseUrl: 'http://127.0.0.1:1/v1', apiKey: 'k' }, other: { variant: 'sail', baseUrl: 'http://127.0.0.1:1/v1', apiKey: 'k' } }, prices } as never, source: 'test' })
const versions = [rt({ sail: { plain: [{ input: '0.123456789', output: 7 }] } }), rt({ sail: { plain: [{ input: '0.3', output: 7 }], late: [{ input: 3, output: '0.000000007' }, { from: '2026-06-03', input: 5, output: 1 }] }, other: { late: [{ input: 9 , output: 1}] } })]
async function fill(store: any, n: number, from: number) {
  const log = await openTestLog(store)
  for (let i = 0; i < n; i++) {
    const usage = { input_tokens: 1000 + i * 7, input_tokens_details: { cached_tokens: 0 }, output_tokens: i, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 1000 + i * 8 }
    const usageSource = i % 3 === 0 ? 'estimated' as const : 'provider' as const
    const upstreamModel = i % 2 ? 'plain' : 'late'
    const first = i % 4 === 0 ? [makeAttempt({ index: 1, provider: 'other', upstreamModel: 'late', usage, usageSource: 'provider', facts: null })] : []
    const ex = makeExchange({ createdAt: from + Math.floor(i * 4 * day / n), attempts: [...first, makeAttempt({ index: first.length + 1, upstreamModel, usage, usageSource, facts: null })], usage, usageSource, session: i % 5 ? null : 's', settings: { maxOutputTokens: null, temperature: null, topP: null, frequencyPenalty: null, presencePenalty: null, serviceTier: null, outputType: 'text', conversationId: null, previousResponseId: null, userId: ['ann', 'ben', null][i % 3] ?? null, metadata: { team: i % 2 ? 'red' : 'blue' } } })
    log.started?.(ex)
    ex.cost = priceExchange(ex, versions[i % 2]!.prices)
    log.finished?.(ex)
    if (i % 50 === 0) await pause(5)
  }
  await log.flush(); await log.close()
}
const open = (url: string) => openStore({ url } as never)
async function loop(url: string, which: number, until: number) {
  const store = await open(url)
  let n = 0, busy = 0
  while (Date.now() < until) { const r = createRepricing({ store: store as never, prices: () => versions[(which + n) % 2]!.prices, providers: () => versions[0]!.providers }); const d = await r.reprice({ from: june + (n % 3) * day, to: june + 3 * day, unpriced: n % 4 === 3, after: null, limit: 700 }); if (d === null) { busy++; await pause(50) } n++ }
  await store.close()
  return [n, busy]
}
if (process.argv[2] === 'child') { console.log('up'); await loop(process.argv[3]!, Number(process.argv[4]), Date.now() + 60000); process.exit() }
const engine = process.argv[2]!
let url: string
if (engine === 'postgres') { const s = await sharedServer(); await s.admin.unsafe(`CREATE DATABASE r_${process.pid}`); url = s.url(`r_${process.pid}`) } else url = `sqlite:${mkdtempSync('/tmp/recon-')}/l.db`
let s = await open(url); await fill(s, 1500, june); await s.close()
async function sums() {
  const q = async (sql: string) => { if (engine === 'sqlite') { const d = new Database(url.slice(7), { readonly: true }); const r = d.prepare(sql).all() as any[]; d.close(); return r } const d = postgres(url, { max: 1 }); const r = await d.unsafe(sql); await d.end(); return [...r] }
  const c = "CAST(sum(cost_nano) AS TEXT) n"
  const out: any = {}
  const one = async (name: string, t: string, w = '', u = 'unpriced', extra = 'CAST(sum(requests) AS TEXT)') => { const [r] = await q(`SELECT ${c}, CAST(sum(${u}) AS TEXT) u, ${extra} r FROM ${t} ${w}`); out[name] = `${r.n} ${r.u} ${r.r}` }
  await one('rows', 'requests', "WHERE status NOT IN ('in_progress','queued')", 'CASE WHEN cost_reason IS NULL THEN 0 ELSE 1 END', 'CAST(count(*) AS TEXT)')
  for (const g of ['full', 'route', 'caller', 'outcome']) for (const p of [60000, 3600000, day]) if (p !== 60000 || g === 'full' || g === 'outcome') await one(`${g}${p}`, 'rollups', `WHERE grain='${g}' AND period=${p}`)
  for (const t of ['spend_days', 'spend_months']) await one(t, t, "WHERE dimension='metadata:team'")
  const bad = Object.entries(out).filter(([, v]) => v !== out.rows)
  const [neg] = await q('SELECT count(*) c FROM rollups WHERE cost_nano < 0 OR unpriced < 0 OR estimated_cost_nano < 0')
  const [ses] = await q(`SELECT CAST((SELECT sum(cost_nano) FROM requests WHERE session_id='s') AS TEXT) a, CAST((SELECT sum(cost_nano) FROM sessions) AS TEXT) b`)
  console.log(bad.length ? 'BAD' : 'ok', out.rows, JSON.stringify(bad), 'negative', String(neg.c), ses.a === ses.b ? 'session ok' : `SESSION ${ses.a} ${ses.b}`)
}
await sums()
for (let k = 0; k < 4; k++) {
  const child = spawn(process.execPath, ['--import', 'tsx', import.meta.filename, 'child', url, String(k)], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((r) => child.stdout.once('data', r)); await pause(1200 + Math.random() * 1500)
  await pause(engine === 'postgres' ? 3000 : 0); const gone = new Promise((r) => child.once('exit', r)); child.kill('SIGKILL'); await gone; if (engine === 'postgres') { const d = postgres(url, { max: 1 }); await d.unsafe('DELETE FROM leases'); await d.end() }
  await sums()
}
if (engine === 'postgres') {
  const until = Date.now() + 8000
  const st = await open(url)
  const [a, b] = await Promise.all([loop(url, 0, until), loop(url, 1, until), (async () => { await fill(st, 600, june) })()])
  await st.close(); console.log(a, b)
} else {
  const st = await open(url); const until = Date.now() + 6000
  const run = async (w: number) => { let n = 0; while (Date.now() < until) { await createRepricing({ store: st as never, prices: () => versions[(w + n++) % 2]!.prices, providers: () => versions[0]!.providers }).reprice({ from: june, to: june + 3 * day, unpriced: false, after: null, limit: 700 }) } return n }
  console.log(await Promise.all([run(0), run(1), fill(st, 600, june)])); await st.close()
}
await sums()
process.exit(0)
