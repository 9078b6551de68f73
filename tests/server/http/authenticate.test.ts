import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { GatewayError } from '../../../server/errors.ts'
import { authenticate, authenticateAdmin, type Credentials } from '../../../server/http/authenticate.ts'
import { loadWith } from '../config/fixtures.ts'

const projects = {
  acme: { keys: ['acme-key-1', { name: 'ci', key: 'acme-key-2', events: 'open-responses' }] },
  beta: { keys: ['beta-key-1'] },
  empty: {},
}
const admin = { key: 'the-admin-key' }
const closed = loadWith({ projects, admin })

function call(credentials: Partial<Credentials>) {
  return authenticate({ runtime: closed, ...credentials })
}

function assertRefused(run: () => unknown, status: number, code: string, message: RegExp): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof GatewayError, String(error))
    assert.equal(error.status, status)
    assert.equal(error.code, code)
    assert.match(error.message, message)
    assert.doesNotMatch(JSON.stringify(error.toBody()), /-key-|wrong-one|the-admin-key/)
    return true
  })
}

describe('a project key', () => {
  it('tells the project, and brings its settings', () => {
    const { caller, key } = call({ authorization: 'Bearer acme-key-2' })
    assert.deepEqual(caller, { projectId: 'acme', keyName: 'ci' })
    assert.deepEqual(key, { name: 'ci', projectId: 'acme', events: 'open-responses', unsupported: null })
    assert.deepEqual(call({ authorization: 'bearer  beta-key-1 ' }).caller, {
      projectId: 'beta',
      keyName: 'beta/1',
    })
  })

  it('may name its own project and no other', () => {
    const authorization = 'Bearer acme-key-1'
    assert.equal(call({ authorization, projectHeader: 'acme' }).caller.projectId, 'acme')
    for (const projectHeader of ['beta', 'nobody', '']) {
      assertRefused(() => call({ authorization, projectHeader }), 403, 'project_mismatch', /X-Project-ID/)
    }
  })

  it('that is absent, wrong or malformed is a 401', () => {
    assertRefused(() => call({}), 401, 'invalid_api_key', /No API key was sent/)
    assertRefused(() => call({ authorization: '' }), 401, 'invalid_api_key', /No API key was sent/)
    assertRefused(
      () => call({ authorization: 'Basic acme-key-1' }),
      401,
      'invalid_api_key',
      /the form: Bearer/,
    )
    assertRefused(
      () => call({ authorization: 'Bearer acme-key-1 x' }),
      401,
      'invalid_api_key',
      /the form: Bearer/,
    )
    for (const key of ['wrong-one', 'acme-key-', 'acme-key-11', 'ACME-KEY-1', 'the-admin-key', '__proto__']) {
      assertRefused(
        () => call({ authorization: `Bearer ${key}` }),
        401,
        'invalid_api_key',
        /no project has it/,
      )
    }
  })
})

describe('the admin key', () => {
  it('calls on behalf of any project, also beside a Bearer key', () => {
    const adminKey = 'the-admin-key'
    for (const authorization of [undefined, 'Bearer acme-key-1', 'Bearer nothing-much']) {
      assert.deepEqual(call({ adminKey, authorization, projectHeader: 'empty' }), {
        caller: { projectId: 'empty', keyName: 'admin' },
        key: null,
      })
    }
  })

  it('needs to be told the project', () => {
    const adminKey = 'the-admin-key'
    assertRefused(() => call({ adminKey }), 400, 'invalid_request', /header X-Project-ID/)
    assertRefused(() => call({ adminKey, projectHeader: 'nobody' }), 404, 'not_found', /no project/)
  })

  it('that is wrong is a 401, even beside a right project key', () => {
    for (const adminKey of ['wrong-one', 'acme-key-1', '']) {
      const run = () => call({ adminKey, authorization: 'Bearer acme-key-1', projectHeader: 'acme' })
      assertRefused(run, 401, 'invalid_api_key', /admin key/)
    }
    const runtime = loadWith({ projects })
    assertRefused(
      () => call({ runtime, adminKey: 'wrong-one' }),
      401,
      'invalid_api_key',
      /No admin key is configured/,
    )
  })

  it('opens the admin API', () => {
    authenticateAdmin({ runtime: closed, adminKey: 'the-admin-key' })
    for (const adminKey of [undefined, '', 'wrong-one', 'acme-key-1']) {
      assertRefused(
        () => authenticateAdmin({ runtime: closed, adminKey }),
        401,
        'invalid_api_key',
        /admin key/,
      )
    }
  })
})

describe('without any project key', () => {
  it('every caller is the default project, whatever Bearer is sent', () => {
    const runtime = loadWith({})
    for (const authorization of [undefined, 'Bearer sk-anything', 'nonsense']) {
      assert.deepEqual(authenticate({ runtime, authorization }), {
        caller: { projectId: 'default', keyName: 'open' },
        key: null,
      })
    }
    assert.ok(runtime.projects.has('default'))
  })

  it('X-Project-ID still chooses a project that there is', () => {
    const runtime = loadWith({ projects: { acme: {} } })
    assert.deepEqual(authenticate({ runtime, projectHeader: 'acme' }).caller, {
      projectId: 'acme',
      keyName: 'open',
    })
    assertRefused(() => authenticate({ runtime, projectHeader: 'nobody' }), 404, 'not_found', /no project/)
  })

  it('the admin API is open when there is no admin key either, and an admin key is not looked at', () => {
    const runtime = loadWith({})
    authenticateAdmin({ runtime })
    assert.equal(authenticate({ runtime, adminKey: 'anything' }).caller.keyName, 'open')
  })

  it('an admin key that is configured still has to be right', () => {
    const runtime = loadWith({ admin })
    assertRefused(() => authenticateAdmin({ runtime }), 401, 'invalid_api_key', /needs the admin key/)
    assertRefused(() => authenticate({ runtime, adminKey: 'wrong-one' }), 401, 'invalid_api_key', /is wrong/)
    assert.equal(
      authenticate({ runtime, adminKey: 'the-admin-key', projectHeader: 'default' }).caller.keyName,
      'admin',
    )
  })
})
