import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { GatewayError } from '../../../server/errors.ts'
import {
  createPromptLibrary,
  type PromptLibrary,
  type PromptStore,
} from '../../../server/gateway/prompt-library.ts'
import { loadWith } from '../config/fixtures.ts'

type Row = Awaited<ReturnType<PromptStore['listPrompts']>>[number]

/** A store in memory that several libraries may share, as gateways share a database. */
class MemoryStore implements PromptStore {
  rows: Row[] = []
  problem: Error | null = null

  async listPrompts(): Promise<Row[]> {
    if (this.problem !== null) throw this.problem
    return structuredClone(this.rows)
  }
  async addPrompt(row: Row): Promise<boolean> {
    if (this.rows.some(({ id, version }) => id === row.id && version === row.version)) return false
    this.rows.push({ ...row })
    return true
  }
  async setDefaultPrompt(id: string, version: string): Promise<boolean> {
    if (!this.rows.some((row) => row.id === id && row.version === version)) return false
    for (const row of this.rows) if (row.id === id) row.isDefault = row.version === version
    return true
  }
  async deletePrompt(id: string, version: string | null, mark: string | null = null): Promise<boolean> {
    const marked = this.rows.find((row) => row.id === id && row.version === version)
    if (mark !== null && marked !== undefined) {
      Object.assign(marked, { template: mark, isDefault: false })
      return true
    }
    const before = this.rows.length
    this.rows = this.rows.filter((row) => row.id !== id || (version !== null && row.version !== version))
    return this.rows.length < before
  }
}

const runtime = loadWith({
  prompts: {
    fixed: { default: 'b', versions: { a: { input: 'A' }, b: { input: 'B' } } },
  },
})

async function open(store = new MemoryStore()) {
  const errors: unknown[] = []
  const library = await createPromptLibrary({
    runtime: () => runtime,
    store,
    onError: (error) => errors.push(error),
  })
  library.close()
  return { store, library, errors }
}

function add(library: PromptLibrary, id: string | null, input: string, makeDefault = false) {
  return library.add({ id, template: { input }, makeDefault })
}

function input(library: PromptLibrary, id: string, version: string | null = null): unknown {
  return library.find(id, version)?.input ?? null
}

async function assertRejects(promise: Promise<unknown>, status: number, code: string, param: string) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof GatewayError, String(error))
    assert.deepEqual([error.status, error.code, error.param], [status, code, param])
    return true
  })
}

describe('the prompt library', () => {
  it('finds templates of the configuration and of the store', async () => {
    const { library } = await open()
    await add(library, 'kept', 'one')
    assert.equal(input(library, 'fixed'), 'B')
    assert.equal(input(library, 'fixed', 'a'), 'A')
    assert.equal(input(library, 'fixed', 'c'), null)
    assert.equal(input(library, 'kept'), 'one')
    assert.equal(input(library, 'kept', '2'), null)
    assert.equal(input(library, 'other'), null)
    assert.deepEqual(
      library.list().map(({ id, source, defaultVersion }) => [id, source, defaultVersion]),
      [
        ['fixed', 'config', 'b'],
        ['kept', 'store', '1'],
      ],
    )
  })

  it('numbers versions, of which the first stays the default until another one is made it', async () => {
    const { library } = await open()
    const { entry, version } = await add(library, null, 'one')
    assert.match(entry.id, /^pmpt_[0-9a-f]{48}$/)
    assert.equal(version, '1')
    assert.equal((await add(library, entry.id, 'two')).version, '2')
    assert.equal(input(library, entry.id), 'one')
    assert.equal((await add(library, entry.id, 'three', true)).entry.defaultVersion, '3')
    assert.equal(input(library, entry.id), 'three')
    assert.equal((await library.setDefault(entry.id, '2')).defaultVersion, '2')
    assert.equal(input(library, entry.id), 'two')
  })

  it('gives every version its own number when many are added at once by several instances', async () => {
    const store = new MemoryStore()
    const libraries = await Promise.all([open(store), open(store), open(store)])
    const added = await Promise.all(
      libraries.flatMap(({ library }) => [1, 2, 3].map((each) => add(library, 'p', String(each)))),
    )
    const numbers = added.map(({ version }) => Number(version)).sort((a, b) => a - b)
    assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert.equal(store.rows.filter(({ isDefault }) => isDefault).length, 1)
  })

  it('sees what other instances do when it looks again, and before it changes anything', async () => {
    const store = new MemoryStore()
    const [{ library: one }, { library: other }] = [await open(store), await open(store)]
    await add(one, 'p', 'one')
    assert.equal(input(other, 'p'), null)
    await other.refresh()
    assert.equal(input(other, 'p'), 'one')
    await one.remove('p', null)
    await assertRejects(other.setDefault('p', '1'), 404, 'not_found', 'id')
    assert.equal(input(other, 'p'), null)
  })

  it('looks again by itself', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const store = new MemoryStore()
    const errors: unknown[] = []
    const library = await createPromptLibrary({
      runtime: () => runtime,
      store,
      refreshEvery: 1_000,
      onError: (error) => errors.push(error),
    })
    const pass = async () => {
      t.mock.timers.tick(1_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await store.addPrompt({ id: 'p', version: '1', createdAt: 1, isDefault: true, template: '{"input":"x"}' })
    await pass()
    assert.equal(input(library, 'p'), 'x')

    store.problem = new Error('the disk is gone')
    await pass()
    await pass()
    assert.deepEqual(errors, [store.problem], 'told once')
    assert.equal(input(library, 'p'), 'x', 'what was known stays')

    store.problem = null
    store.rows = []
    await pass()
    assert.equal(input(library, 'p'), null)
    store.problem = new Error('and again')
    await pass()
    assert.equal(errors.length, 2)

    library.close()
    store.problem = null
    await store.addPrompt({ id: 'p', version: '1', createdAt: 2, isDefault: true, template: '{"input":"y"}' })
    await pass()
    assert.equal(input(library, 'p'), null, 'closed')
  })

  it('is not set back by an answer that a newer one has overtaken', async () => {
    const store = new MemoryStore()
    const { library } = await open(store)
    const answers: ((rows: Row[]) => void)[] = []
    store.listPrompts = () => new Promise((resolve) => answers.push(resolve))
    const row = { id: 'p', version: '1', createdAt: 1, isDefault: true, template: '{"input":"x"}' }
    const [older, newer] = [library.refresh(), library.refresh()]
    answers[1]!([row])
    await newer
    answers[0]!([])
    await older
    assert.equal(input(library, 'p'), 'x')
  })

  it('removes versions and prompts, but not the default version under the others', async () => {
    const { library } = await open()
    await add(library, 'p', 'one')
    await add(library, 'p', 'two')
    await assertRejects(library.remove('p', '1'), 409, 'prompt_version_in_use', 'version')
    await assertRejects(library.remove('p', '3'), 404, 'not_found', 'version')
    await library.setDefault('p', '2')
    await library.remove('p', '1')
    assert.equal(input(library, 'p', '1'), null)
    await library.remove('p', '2')
    assert.equal(library.get('p'), null)
    await assertRejects(library.remove('p', null), 404, 'not_found', 'id')
  })

  it('never gives the number of a deleted version again, unless the whole prompt is gone', async () => {
    const store = new MemoryStore()
    const { library } = await open(store)
    await add(library, 'p', 'one')
    await add(library, 'p', 'two')
    await library.remove('p', '2')
    assert.equal(input(library, 'p', '2'), null)
    assert.deepEqual(
      library.get('p')?.versions.map(({ version }) => version),
      ['1'],
    )
    await assertRejects(library.remove('p', '2'), 404, 'not_found', 'version')
    assert.equal((await add((await open(store)).library, 'p', 'three')).version, '3')
    await library.refresh()
    assert.equal(input(library, 'p'), 'one')
    await library.remove('p', '3')
    await library.remove('p', '1')
    assert.equal(store.rows.length, 0)
    assert.equal((await add(library, 'p', 'again')).version, '1')
  })

  it('takes the newest version when a race has left no default', async () => {
    const { library, store } = await open()
    await add(library, 'p', 'one')
    await add(library, 'p', 'two')
    await store.deletePrompt('p', '1')
    await library.refresh()
    assert.equal(input(library, 'p'), 'two')
  })

  it('leaves prompts of the configuration alone', async () => {
    const { library, store } = await open()
    await assertRejects(add(library, 'fixed', 'x'), 409, 'prompt_read_only', 'id')
    await assertRejects(library.setDefault('fixed', 'a'), 409, 'prompt_read_only', 'id')
    await assertRejects(library.remove('fixed', null), 409, 'prompt_read_only', 'id')
    assert.equal(store.rows.length, 0)
    // One that was kept before the configuration took its id is hidden.
    store.rows.push({ id: 'fixed', version: '1', createdAt: 1, isDefault: true, template: '{"input":"x"}' })
    await library.refresh()
    assert.equal(input(library, 'fixed'), 'B')
    assert.deepEqual(
      library.list().map(({ id }) => id),
      ['fixed'],
    )
  })
})
