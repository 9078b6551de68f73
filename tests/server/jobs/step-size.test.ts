import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StepSize } from '../../../server/jobs/step-size.ts'

test('a step grows slowly to its time, and shrinks at once to it', () => {
  const size = new StepSize({ first: 100, most: 1000, target: 8 })
  size.took(4)
  assert.equal(size.current, 126)
  size.took(16)
  assert.equal(size.current, 63)
  size.took(8)
  assert.equal(size.current, 63)
  for (let step = 0; step < 100; step += 1) size.took(1)
  assert.equal(size.current, 1000)
  size.took(1_000_000)
  assert.equal(size.current, 1)
  size.took(0)
  assert.equal(size.current, 2)
})

test('a step that is long whatever it takes on does not become ever smaller', () => {
  const size = new StepSize({ first: 100, least: 50, most: 1000, target: 8 })
  for (let step = 0; step < 20; step++) size.took(30)
  assert.equal(size.current, 50)
  for (let step = 0; step < 20; step++) size.took(1)
  assert.equal(size.current, 1000)
})
