import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { captureLimit, keptBodies } from '../../../server/gateway/capture.ts'
import { assertProblem, loadWith } from './fixtures.ts'

const callerOf = (projectId: string | null) => ({
  caller: projectId === null ? null : { projectId, keyName: 'any' },
})

describe('what is kept of bodies', () => {
  const runtime = loadWith({
    log: { bodies: 'metadata', maxBodyBytes: 1000, maxMediaBytes: 5000 },
    projects: {
      open: { log: { bodies: 'full' } },
      small: { log: { bodies: 'full', maxBodyBytes: 9000 } },
      secret: { log: { bodies: 'none' } },
      empty: { log: { bodies: 'full', maxBodyBytes: 0 } },
      usual: {},
    },
  })
  it('is what the project says, else what the log says', () => {
    const of = (project: string | null) => keptBodies(runtime, callerOf(project))
    assert.deepEqual(of('open'), { bodies: 'full', maxBodyBytes: 1000 })
    assert.deepEqual(of('small'), { bodies: 'full', maxBodyBytes: 9000 })
    assert.deepEqual(of('secret'), { bodies: 'none', maxBodyBytes: 1000 })
    assert.deepEqual(of('usual'), { bodies: 'metadata', maxBodyBytes: 1000 })
    assert.equal(of('unknown').bodies, 'metadata')
    assert.equal(of(null).bodies, 'metadata')
  })
  it('is held as far as media may reach, where there is anything to keep', () => {
    const limits = ['open', 'small', 'secret', 'empty', 'usual', null].map((project) =>
      captureLimit(runtime, callerOf(project)),
    )
    assert.deepEqual(limits, [5000, 9000, 0, 0, 0, 0])
    const plain = loadWith({ log: { media: false, maxBodyBytes: 1000 } })
    assert.equal(captureLimit(plain, callerOf(null)), 1000)
  })
  it('is refused by name', () => {
    const load = (log: object) => () => loadWith({ projects: { acme: { log } } })
    assertProblem(load({ bodies: 'all' }), 'projects.acme.log.bodies', /metadata/)
    assertProblem(load({ maxMediaBytes: 1 }), 'projects.acme.log.maxMediaBytes', /not|known/)
  })
})
