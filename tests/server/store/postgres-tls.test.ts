import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { openStore } from '../../../server/store/store.ts'
import { createDatabase, startServer } from '../../support/postgres.ts'
import { makeDirectory, patient } from './fixtures.ts'

test('what `sslmode` asks of the server’s certificate', async (t) => {
  const directory = await makeDirectory(t)
  const [certificate, key] = [join(directory, 'c.pem'), join(directory, 'k.pem')]
  try {
    await promisify(execFile)('openssl', [
      ...['req', '-new', '-x509', '-days', '2', '-nodes', '-subj', '/CN=test'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1', '-out', certificate, '-keyout', key],
    ])
  } catch (error) {
    return t.skip(`There is no certificate to test with: "openssl" did not make one (${error}).`)
  }
  const server = await startServer({
    settings: ['ssl = on', "ssl_cert_file = 'c.pem'", "ssl_key_file = 'k.pem'"],
    files: { 'c.pem': await readFile(certificate, 'utf8'), 'k.pem': await readFile(key, 'utf8') },
  })
  t.after(() => server.close())
  const url = await createDatabase(t, server)
  const isEncrypted = async (options: string) => {
    const store = await openStore({ url: url + options, ...patient })
    // A query, so that there is a connection.
    await store.sizeBytes()
    const [row] = await server.admin`SELECT bool_and(ssl) AS encrypted FROM pg_stat_ssl
      JOIN pg_stat_activity USING (pid) WHERE application_name = 'dragoman'`
    await store.close()
    // The server ends them a moment later.
    const left = () => server.admin`SELECT pid FROM pg_stat_activity WHERE application_name = 'dragoman'`
    await t.waitFor(async () => assert.equal((await left()).length, 0), { timeout: 60_000 })
    return row?.encrypted
  }
  assert.equal(await isEncrypted(''), true)
  assert.equal(await isEncrypted('?sslmode=disable'), false)
  assert.equal(await isEncrypted('?sslmode=require'), true)
  assert.equal(await isEncrypted(`?sslmode=verify-ca&sslrootcert=${certificate}`), true)
  assert.equal(await isEncrypted(`?sslrootcert=${certificate}`), true)
  await assert.rejects(openStore({ url: `${url}?sslmode=verify-ca` }), {
    problem: 'unreachable',
    message: /self-signed certificate/,
  })
  const byName = url.replace('127.0.0.1', 'localhost')
  await assert.rejects(openStore({ url: `${byName}?sslrootcert=${certificate}` }), {
    problem: 'unreachable',
    message: /does not match certificate/,
  })
})
