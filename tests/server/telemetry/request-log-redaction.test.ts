import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { createAdminQueries } from '../../../server/store/admin-queries.ts'
import { createRecordFilter, redactHeaders, redactText } from '../../../server/telemetry/redact.ts'
import { captured, makeAttempt, makeExchange, openTestLog, openTestStore } from '../store/fixtures.ts'

const providerKey = 'scw/8c1f"+4b7e-provider-secret'
const clientKey = 'dragoman-client-key-5521'
const unknownKey = 'sk-proj-abcdefghijklmnopqrstuvwx0123456789'
const bearer = 'eyJhbGciOi.JIUzI1NiJ9.abc-_'

test('no secret reaches the file, wherever it stood', async (t) => {
  const store = await openTestStore(t)
  const log = await openTestLog(store, { providerSecrets: [providerKey] })
  const secretText = [
    providerKey,
    JSON.stringify(providerKey),
    clientKey,
    unknownKey,
    `Bearer ${bearer}`,
  ].join(' ')
  const secretHeaders = {
    Authorization: `Bearer ${clientKey}`,
    'x-admin-key': 'short',
    'X-Api-Key': 'tiny',
    cookie: 'session=abc',
    'x-auth-token': 'other',
    'x-note': `see ${secretText}`,
    'idempotency-key': 'kept',
  }
  const error = {
    type: 'server_error',
    code: 'upstream_error',
    message: secretText,
    param: secretText,
    origin: 'upstream',
  } as const
  // Long enough to be compressed, so that the file proves nothing by itself: each body is also read back.
  const body = () =>
    captured(`{"input":"${secretText}","headers":{"x-api-key":"tiny-but-named"}}`, ' '.repeat(300))
  const exchange = makeExchange({
    secrets: [clientKey],
    userAgent: secretText,
    model: secretText,
    error,
    adaptations: [{ field: 'x', action: 'dropped', detail: secretText }],
    clientRequest: body(),
    clientRequestHeaders: secretHeaders,
    clientResponse: body(),
    attempts: [
      makeAttempt({
        url: `https://upstream.test/v1?k=${encodeURIComponent(providerKey)}`,
        error,
        requestHeaders: secretHeaders,
        responseHeaders: { 'set-cookie': 'session=abc', ...secretHeaders },
        request: body(),
        response: body(),
        facts: { responseId: unknownKey, model: unknownKey, metadata: null, serviceTier: null },
        adaptations: [{ field: 'x', action: 'dropped', detail: secretText }],
      }),
    ],
  })
  log.started?.(exchange)
  await store.flush()
  log.finished?.(exchange)
  await store.flush()
  const found = await createAdminQueries(store).getRequest(exchange.id)
  assert.ok(found)
  assertClean(JSON.stringify(found))
  assert.match(found.client_request?.body.text ?? '', /^\{"input":"\[redacted\] /)
  assert.equal(found.client_request?.headers['idempotency-key'], 'kept')
  assert.equal(found.client_request.headers.Authorization, '[redacted]')
  assertClean(
    JSON.stringify(await createAdminQueries(store).listRequests({})) +
      JSON.stringify(await createAdminQueries(store).facets()),
  )

  await store.close()
  const directory = dirname(store.path)
  for (const file of await readdir(directory)) assertClean(await readFile(join(directory, file), 'latin1'))
})

function assertClean(text: string): void {
  const secrets = [
    providerKey,
    JSON.stringify(providerKey).slice(1, -1),
    encodeURIComponent(providerKey),
    'provider-secret',
    clientKey,
    unknownKey,
    bearer,
    'tiny',
    'session=abc',
  ]
  for (const secret of secrets) assert.ok(!text.includes(secret), `${secret} is there`)
}

test('a secret that the cut left in part is taken out as well', () => {
  const filter = createRecordFilter({ secrets: [providerKey] })
  for (let length = 4; length <= providerKey.length; length += 1) {
    const text = filter.text(`{"a":"${providerKey.slice(0, length)}`, { secrets: [], truncated: true })
    assert.equal(text, '{"a":"[redacted]')
  }
  const start = providerKey.slice(0, 6)
  assert.equal(filter.text(start, { secrets: [], truncated: false }), start)
})

test('what looks like a secret is taken out, what does not stays', () => {
  const cases: [string, string][] = [
    ['Authorization: Bearer abcdefgh12345678', 'Authorization: Bearer [redacted]'],
    [`key ${unknownKey}.`, 'key [redacted].'],
    ['{"x-api-key": "abc"}', '{"x-api-key": "[redacted]"}'],
    ['{"Authorization":"abc"}', '{"Authorization":"[redacted]"}'],
    ['{\\"api_key\\":\\"abc\\",\\"a\\":1}', '{\\"api_key\\":\\"[redacted]\\",\\"a\\":1}'],
    ['x-api-key: abcdef', 'x-api-key: [redacted]'],
  ]
  for (const [text, wanted] of cases) assert.equal(redactText(text), wanted)
  for (const text of [
    'the bearer of news',
    'a task-list-of-many-things-to-do',
    'sk-short',
    '{"authorization":null}',
  ]) {
    assert.equal(redactText(text), text)
  }
  // An ordinary word that someone uses as a key for a local server is not hunted for.
  assert.equal(redactText('ollama is a word', ['ollama']), 'ollama is a word')
  assert.deepEqual(redactHeaders({ 'API-Key': 'a', 'x-goog-api-key': 'b', 'content-type': 'c' }), {
    'API-Key': '[redacted]',
    'x-goog-api-key': '[redacted]',
    'content-type': 'c',
  })
})

test('replaced text inside JSON is still JSON', () => {
  const value = {
    a: `Bearer ${bearer}`,
    'x-api-key': 'k"k',
    nested: JSON.stringify({ authorization: unknownKey }),
  }
  const clean = JSON.parse(redactText(JSON.stringify(value), ['k"k-long-enough'])) as typeof value
  assert.deepEqual(JSON.parse(clean.nested), { authorization: '[redacted]' })
  assert.equal(clean.a, 'Bearer [redacted]')
})
