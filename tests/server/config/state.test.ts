import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { resolveModel } from '../../../server/config/resolve-model.ts'
import { assertProblem, load, loadWith, plainProvider } from './fixtures.ts'

const day = 86_400_000

describe('what is kept', () => {
  it('is what the project says, else what state says', () => {
    const { projects } = loadWith({
      state: { store: false, retentionDays: 7 },
      projects: {
        plain: {},
        keeps: { store: true, retentionDays: 0 },
        brief: { retentionDays: 0.5 },
      },
    })
    const kept = [...projects.values()].map(({ id, store, retentionMs }) => [id, store, retentionMs])
    assert.deepEqual(kept, [
      ['plain', false, 7 * day],
      ['keeps', true, null],
      ['brief', false, day / 2],
      ['default', false, 7 * day],
    ])
  })

  it('is for ever with 0 days', () => {
    const { projects, state } = loadWith({ state: { retentionDays: 0, conversationDays: 0 } })
    assert.equal(projects.get('default')!.retentionMs, null)
    assert.equal(state.conversationDays, 0)
  })

  it('is refused out of range, with the range', () => {
    assertProblem(
      () => loadWith({ state: { retentionDays: -1 } }),
      'state.retentionDays',
      /0 to 36500, is -1/,
    )
    assertProblem(
      () => loadWith({ projects: { a: { retentionDays: '30' } } }),
      'projects.a.retentionDays',
      /must be a number .*is a string/,
    )
    assertProblem(() => loadWith({ state: { idempotencyHours: 0 } }), 'state.idempotencyHours', /0\.01 to/)
    assertProblem(() => loadWith({ state: { backgroundJobs: 0 } }), 'state.backgroundJobs', /1 to/)
    assertProblem(
      () => loadWith({ state: { retention: 3 } }),
      'state.retention',
      /is not an option; .*"retentionDays"/,
    )
    assertProblem(() => loadWith({ webSocket: { maxMinutes: 0 } }), 'webSocket.maxMinutes', /0\.001 to 1440/)
  })
})

describe('contextTokens', () => {
  const to = (model: string, more: object = {}) => ({ targets: [{ provider: 'plain', model, ...more }] })
  const runtime = load({
    providers: { plain: plainProvider },
    models: {
      big: to('m', { contextTokens: 128_000 }),
      unknown: to('n'),
      'any-*': to('*', { contextTokens: 4_096 }),
    },
  })
  const find = (name: string) => resolveModel(runtime, name)!.targets[0]!.contextTokens

  it('comes with the target', () => {
    assert.equal(find('big'), 128_000)
    assert.equal(find('any-thing'), 4_096)
    assert.equal(find('unknown'), null)
  })

  it('is known of a model that is addressed directly when an entry names it', () => {
    assert.equal(find('plain/m'), 128_000)
    assert.equal(find('plain/n'), null)
    assert.equal(find('plain/other'), null)
  })

  it('is a whole number from 1', () => {
    for (const contextTokens of [0, 1.5, '4k']) {
      assertProblem(
        () => load({ providers: { plain: plainProvider }, models: { m: to('m', { contextTokens }) } }),
        'models.m.targets[0].contextTokens',
        /must be/,
      )
    }
  })
})
