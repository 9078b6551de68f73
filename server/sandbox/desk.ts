/**
 * What a simulated provider remembers between calls: responses for `previous_response_id` and polling,
 * conversations, idempotency keys. Bounded, in memory, one per provider.
 */
import { randomBytes } from 'node:crypto'
import { isObject, type JsonObject } from '../../translators/shared/canonical.ts'

/** Switches for what the providers' sources leave open or change over time. Tests turn them. */
export interface Behaviour {
  sail: {
    /** The early period's rules: no stream, instructions, include, store:false. Default true. */
    early: boolean
    /** The form of `output` in a finished response. Default `array`. */
    outputShape: 'array' | 'object' | 'string'
    /** Polls answered `running` before a background response is done. Default 1. */
    polls: number
  }
  scaleway: {
    /** Default `cumulative`: each chunk holds all output so far. */
    stream: 'cumulative' | 'incremental' | 'semantic'
    /** Whether usage is told, which the document does not mention. Default false. */
    usage: boolean
    /** Whether function calls reach a stream's chunks before the last. Default true. */
    callsInDeltas: boolean
  }
  sudo: {
    /** Whether `[DONE]` ends a stream. Default false. */
    done: boolean
  }
  azure: {
    /** Whether a tool object is taken as tool_choice, which the document does not list. Default false. */
    toolChoiceObject: boolean
    /** Polls answered `in_progress` before a background response is done. Default 1. */
    polls: number
  }
  local: {
    /** The leaks of gpt-oss behind vLLM. Default true. */
    leaks: boolean
  }
}

export function defaultBehaviour(): Behaviour {
  return {
    sail: { early: true, outputShape: 'array', polls: 1 },
    scaleway: { stream: 'cumulative', usage: false, callsInDeltas: true },
    sudo: { done: false },
    azure: { toolChoiceObject: false, polls: 1 },
    local: { leaks: true },
  }
}

/** A response that the provider keeps. */
export interface Kept {
  response: JsonObject
  /** The items that were its context, in order, the answer's own included. */
  context: JsonObject[]
  /** Polls left until it shows as finished. */
  polls: number
  cancelled: boolean
}

/** An idempotency key's first use. */
export interface Replay {
  body: string
  status: number
  response: unknown
}

const maxKept = 2000

export class Desk {
  readonly behaviour: Behaviour
  readonly responses = new Map<string, Kept>()
  readonly conversations = new Map<string, JsonObject[]>()
  readonly replays = new Map<string, Replay>()
  /** Finished responses so far; quirks that come and go follow it. */
  served = 0

  constructor(behaviour: Behaviour) {
    this.behaviour = behaviour
  }

  /** Keeps a response and the context it was made from. */
  keep(response: JsonObject, context: JsonObject[], polls = 0): void {
    const output = Array.isArray(response.output) ? response.output.filter(isObject) : []
    const entry = { response, context: [...context, ...output], polls, cancelled: false }
    putBounded(this.responses, String(response.id), entry)
  }

  /** A stored item by its id, for `item_reference`. */
  findItem(id: string): JsonObject | undefined {
    for (const kept of this.responses.values()) {
      const found = kept.context.find((item) => item.id === id)
      if (found) return found
    }
    return undefined
  }
}

/** Adds to a map that forgets its oldest entries. */
export function putBounded<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.set(key, value)
  if (map.size > maxKept) map.delete(map.keys().next().value as string)
}

/** A fresh id, e.g. `resp_1f…`. */
export function makeId(prefix: string, bytes = 16): string {
  return `${prefix}_${randomBytes(bytes).toString('hex')}`
}

/** The input of a request as items; a string is one user message. */
export function inputItems(input: unknown): JsonObject[] {
  if (typeof input === 'string') return [{ type: 'message', role: 'user', content: input }]
  return Array.isArray(input) ? input.filter(isObject) : []
}
