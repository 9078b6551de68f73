import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createLocalTurns } from '../../../../server/gateway/state/local-turns.ts'
import type { StoredTurn } from '../../../../server/store/state/state.ts'

function turn(id: string, text: string, members: Partial<StoredTurn> = {}): StoredTurn {
  return {
    id,
    previousId: null,
    provider: 'openai',
    status: 'completed',
    input: [{ type: 'message', id: `msg_in_${id}`, role: 'user', content: text }],
    output: [{ type: 'message', id: `msg_out_${id}`, role: 'assistant', content: [] }],
    expiresAt: null,
    bytes: 0,
    ...members,
  }
}

it('finds turns and their items, and who made them', () => {
  const local = createLocalTurns({ maxBytes: 10_000 })
  local.put(turn('resp_1', 'hello'))
  assert.equal(local.get('resp_1')?.id, 'resp_1')
  assert.equal(local.get('resp_2'), null)
  assert.equal(local.findItem('msg_in_resp_1')?.provider, null)
  assert.equal(local.findItem('msg_out_resp_1')?.provider, 'openai')
  assert.equal(local.findItem('msg_none'), null)
})

it('forgets the oldest first when there is no room, and what has no room at all', () => {
  const local = createLocalTurns({ maxBytes: 3300 })
  for (const id of ['resp_1', 'resp_2', 'resp_3']) local.put(turn(id, 'x'.repeat(300)))
  assert.equal(local.get('resp_1'), null)
  assert.equal(local.findItem('msg_in_resp_1'), null)
  assert.ok(local.get('resp_2') && local.get('resp_3'))
  local.put(turn('resp_4', 'é'.repeat(1500)))
  assert.equal(local.get('resp_4'), null)
  for (const id of ['resp_5', 'resp_6']) local.put(turn(id, 'x'.repeat(300)))
  assert.ok(local.get('resp_5') && local.get('resp_6'), 'what was forgotten takes no room')
})

it('counts what turns take that say nothing', () => {
  const local = createLocalTurns({ maxBytes: 1_000_000 })
  const names = Array.from({ length: 2000 }, (_, index) => `resp_${index}`)
  for (const id of names) local.put(turn(id, '', { input: [], output: [] }))
  const held = names.filter((id) => local.get(id) !== null)
  assert.ok(held.length < 1500, `${held.length} are held`)
  assert.equal(held.at(-1), 'resp_1999')
})

it('keeps an item for as long as a turn has it', () => {
  const local = createLocalTurns({ maxBytes: 10_000 })
  const shared = { type: 'message', id: 'msg_shared', role: 'user', content: 'again' }
  local.put(turn('resp_1', '', { input: [shared] }))
  local.put(turn('resp_2', '', { input: [shared, { type: 'item_reference', id: 'msg_elsewhere' }] }))
  local.evict('resp_1')
  assert.equal(local.get('resp_1'), null)
  assert.equal(local.findItem('msg_shared')?.item, shared)
  assert.equal(local.findItem('msg_elsewhere'), null)
  local.evict('resp_2')
  local.evict('resp_2')
  assert.equal(local.findItem('msg_shared'), null)
})
