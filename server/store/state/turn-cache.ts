/**
 * Turns that are likely to be continued, on the main thread, so that a chain is not read whole for each of its turns.
 *
 * Bounded by the size of their JSON; the one used longest ago goes first. A turn that has just been committed is kept
 * as its JSON texts and parsed when it is first asked for. Turns that are given out are shared: nobody changes them.
 */

import type { StoredTurn, TurnCommit } from './state.ts'

/** A turn above this part of all the room is not kept. */
const largestPart = 1 / 8

/** A committed turn without what a chain does not need. */
type UnparsedTurn = Omit<StoredTurn, 'input' | 'output' | 'bytes'> & { input: string; output: string }

interface Entry {
  project: string
  bytes: number
  turn: StoredTurn | UnparsedTurn
}

export class TurnCache {
  readonly #entries = new Map<string, Entry>()
  readonly #room: number
  #bytes = 0
  #epoch = 0

  /** `room` in bytes. */
  constructor(room: number) {
    this.#room = room
  }

  /** Changes with each removal: what was read before one may be of the removed. */
  get epoch(): number {
    return this.#epoch
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Keeps what has just been committed. */
  addCommitted({ project, id, previousId, provider, status, expiresAt, input, output }: TurnCommit): void {
    const turn = { id, previousId, provider, status, expiresAt, input, output }
    this.#keep({ project, bytes: input.length + output.length, turn })
  }

  /** Keeps it as the one used last. A running one changes still and is not kept. */
  add(project: string, turn: StoredTurn): void {
    if (turn.status !== 'queued' && turn.status !== 'in_progress') {
      this.#keep({ project, bytes: turn.bytes, turn })
    }
  }

  #keep(entry: Entry): void {
    this.#forget(entry.turn.id)
    if (entry.bytes > this.#room * largestPart) return
    this.#entries.set(entry.turn.id, entry)
    this.#bytes += entry.bytes
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#room) break
      this.#forget(oldest)
    }
  }

  get(project: string, id: string): StoredTurn | null {
    const entry = this.#entries.get(id)
    if (entry === undefined || entry.project !== project) return null
    if (!('bytes' in entry.turn)) entry.turn = parseTurn(entry.turn)
    return entry.turn
  }

  /** Takes out what is no more. */
  remove(ids: readonly string[]): void {
    this.#epoch += 1
    for (const id of ids) this.#forget(id)
  }

  #forget(id: string): void {
    this.#bytes -= this.#entries.get(id)?.bytes ?? 0
    this.#entries.delete(id)
  }
}

function parseTurn({ input, output, ...turn }: UnparsedTurn): StoredTurn {
  return {
    ...turn,
    input: JSON.parse(input) as StoredTurn['input'],
    output: JSON.parse(output) as StoredTurn['output'],
    bytes: Buffer.byteLength(input) + Buffer.byteLength(output),
  }
}
