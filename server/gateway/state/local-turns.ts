import type { FoundItem, StoredTurn } from '../../store/state/state.ts'
import type { LocalTurns } from './history.ts'

export interface LocalTurnsOptions {
  /** Bytes of the turns' JSON in all, and what each turn and item takes beside it; past it the oldest are forgotten. */
  maxBytes: number
}

/** Memory that a turn and an item take however small their JSON is: empty turns would have no bound without it. */
const bytesPerTurn = 700
const bytesPerItem = 200

export interface ConnectionTurns extends LocalTurns {
  /** Forgets a turn: a continuation of it failed. */
  evict(id: string): void
}

/** The turns with `store: false` of one connection: nobody else sees them, and they end with it. */
export function createLocalTurns({ maxBytes }: LocalTurnsOptions): ConnectionTurns {
  /** The oldest first. */
  const turns = new Map<string, StoredTurn>()
  const items = new Map<string, FoundItem & { turnId: string }>()
  let total = 0

  function remove(id: string): void {
    const turn = turns.get(id)
    if (turn === undefined) return
    turns.delete(id)
    total -= turn.bytes
    for (const { id: itemId } of [...turn.input, ...turn.output])
      if (itemId !== undefined && items.get(itemId)?.turnId === id) items.delete(itemId)
  }
  function index(turn: StoredTurn): void {
    const add = (list: StoredTurn['input'], provider: string | null) => {
      for (const item of list)
        if (item.id !== undefined && item.type !== 'item_reference')
          items.set(item.id, { item, provider, turnId: turn.id })
    }
    add(turn.input, null)
    add(turn.output, turn.provider)
  }
  return {
    get: (id) => turns.get(id) ?? null,
    findItem: (id) => items.get(id) ?? null,
    put(turn) {
      remove(turn.id)
      const bytes = measure(turn)
      turns.set(turn.id, { ...turn, bytes })
      total += bytes
      index(turn)
      for (const id of turns.keys()) {
        if (total <= maxBytes) break
        remove(id)
      }
    },
    evict: remove,
  }
}

function measure({ input, output }: StoredTurn): number {
  const json = Buffer.byteLength(JSON.stringify([input, output]))
  return bytesPerTurn + (input.length + output.length) * bytesPerItem + json
}
