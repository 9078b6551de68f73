/** An outage is told once, and its end once, however many look how often. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Outages } from '../../../server/jobs/outages.ts'

it('tells the beginning and the end, and nothing between', () => {
  const told: unknown[] = []
  const outages = new Outages((error) => told.push(error))
  outages.worked('take')
  assert.deepEqual(told, [])
  outages.failed('take', 'away')
  outages.failed('beat', 'away too')
  outages.failed('take', 'still away')
  outages.worked('take')
  assert.deepEqual(told, ['away'])
  outages.worked('beat')
  outages.worked('take')
  assert.deepEqual(told, ['away', null])
  outages.failed('beat', 'again')
  assert.deepEqual(told, ['away', null, 'again'])
})
