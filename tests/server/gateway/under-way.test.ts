import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Exchange } from '../../../server/gateway/exchange.ts'
import { createUnderWay } from '../../../server/gateway/under-way.ts'

const exchange = {} as Exchange

it('waits for what has started to finish', async () => {
  const { observer, settled } = createUnderWay()
  assert.equal(await settled(1000), 0, 'nothing has started')
  observer.started?.(exchange)
  observer.started?.(exchange)
  let over = false
  const waiting = settled(60_000).then((left) => {
    over = true
    return left
  })
  observer.finished?.(exchange)
  await new Promise((resolve) => setTimeout(resolve, 30))
  assert.equal(over, false)
  observer.finished?.(exchange)
  assert.equal(await waiting, 0)
})

it('tells what is left when it does not', async () => {
  const { observer, settled } = createUnderWay()
  observer.started?.(exchange)
  assert.equal(await settled(20), 1)
})
