/** Responses that are not kept, and responses that are deleted: neither comes back. */
import assert from 'node:assert/strict'
import type { Random } from './random.ts'
import { type CrashClient, call, callWell, type Round } from './round.ts'
import { renderAsk } from './script.ts'
import { makeAsk } from './turns.ts'

export function createPassingClient(name: string, random: Random): CrashClient {
  const gone: string[] = []
  async function checkGone(round: Round, id: string): Promise<void> {
    assert.equal((await call(round, `/v1/responses/${id}`)).status, 404)
    const next = { model: 'plain', input: 'go on', previous_response_id: id }
    const answer = await call(round, '/v1/responses', { body: next })
    assert.equal(answer.status, 400)
    assert.equal((answer.json().error as { code: string }).code, 'previous_response_not_found')
  }
  return {
    name,
    async act(round) {
      const store = random.chance(0.5)
      const body = { model: 'plain', input: renderAsk(makeAsk(random, 'pass')), store }
      const { id, store: isKept } = (await callWell(round, '/v1/responses', { body })).json() as {
        id: string
        store: boolean
      }
      assert.ok(isKept === store || round.isTroubled(), 'an answer is kept while the store is there')
      if (isKept) await callWell(round, `/v1/responses/${id}`, { method: 'DELETE' })
      gone.push(id)
    },
    async verify(round) {
      for (const id of gone.slice(-3)) await checkGone(round, id)
    },
    async finish(round) {
      for (const id of gone) await checkGone(round, id)
    },
  }
}
