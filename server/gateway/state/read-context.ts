/** What a kept response was made from, for looking at it. */
import type { Item } from '../../../translators/shared/canonical.ts'
import type { StateStore, StoredResponse, StoredTurn } from '../../store/state/state.ts'
import { continuedInput, continuedOutput } from './history.ts'
import { isRunning } from './stored-view.ts'

type Reads = Pick<StateStore, 'readChain' | 'getResponse' | 'findItems'>

/**
 * The items that were the context of a response, the oldest first: input and output of all that it continued, then its
 * own input. For a response on a conversation only its own input: what else the model saw is the conversation's, and
 * listed there. Turns before one that has been deleted are gone with it. References stand as the items that they mean,
 * or as references when those have been deleted.
 */
export async function readContext(state: Reads, project: string, response: StoredResponse): Promise<Item[]> {
  const { previousId, input } = response
  const turns = previousId === null ? [] : await readTurns(state, project, response, previousId)
  const earlier = turns.flatMap((turn) => [...continuedInput(turn), ...continuedOutput(turn)])
  return resolve(state, project, [...earlier, ...input])
}

async function readTurns(
  state: Reads,
  project: string,
  { id, status }: StoredResponse,
  previousId: string,
): Promise<StoredTurn[]> {
  // By its own end where that can be: the response keeps what it builds on also when that has expired by itself.
  const chain = await state.readChain(project, isRunning({ status }) ? previousId : id)
  if (chain.kind === 'found') return chain.turns.filter((turn) => turn.id !== id)
  // Broken: what is left is found one by one.
  const turns: StoredTurn[] = []
  for (let next: string | null = previousId; next !== null; ) {
    const turn: StoredTurn | null = await state.getResponse(project, next)
    if (turn !== null) turns.unshift(turn)
    next = turn?.previousId ?? null
  }
  return turns
}

async function resolve(state: Reads, project: string, items: readonly Item[]): Promise<Item[]> {
  const known = new Map<unknown, Item>()
  for (const item of items) if (item.type !== 'item_reference') known.set(item.id, item)
  const wanted = items.filter(({ type, id }) => type === 'item_reference' && !known.has(id))
  const ids = wanted.map(({ id }) => String(id))
  const found = ids.length === 0 ? null : await state.findItems(project, ids)
  return items.map((item) => {
    if (item.type !== 'item_reference') return item
    return known.get(item.id) ?? found?.get(String(item.id))?.item ?? item
  })
}
