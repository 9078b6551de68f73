/** The stream of a response that was made without one. */
import type { CanonicalEvent, CanonicalResponse, ContentPart, Item, JsonObject } from './canonical.ts'
import { isTextPart, type LaneOwner, PartLane } from './emitter-parts.ts'
import { EventLog } from './event-log.ts'
import { makeFailure } from './failures.ts'
import { streamedMember } from './item-kinds.ts'
import type { EventDialect } from './translator.ts'

/**
 * The legal event stream of a finished response, with exactly its ids: each text in one delta. Pure, the same every time.
 * @throws when the response has not ended: its stream is not known yet, wait for the end.
 */
export function replayEvents(final: CanonicalResponse, dialect: EventDialect): CanonicalEvent[] {
  if (final.status === 'queued' || final.status === 'in_progress')
    throw new Error(`The response ${final.id} is ${final.status}. Replay it when it has ended.`)
  const log = new EventLog(dialect)
  const response = beginningOf(final)
  log.add('response.created', { response })
  log.add('response.in_progress', { response })
  for (const [index, item] of final.output.entries()) {
    log.add('response.output_item.added', { output_index: index, item: emptyItem(item) })
    tellItem(log, item, index)
    log.add('response.output_item.done', { output_index: index, item })
  }
  if (final.status === 'failed')
    log.error(
      makeFailure(final.error?.code ?? 'server_error', final.error?.message ?? 'The response failed.'),
    )
  log.terminal(final)
  return log.events
}

function beginningOf(final: CanonicalResponse): CanonicalResponse {
  const { output_text: _text, ...echo } = final
  return {
    ...echo,
    status: 'in_progress',
    completed_at: null,
    incomplete_details: null,
    error: null,
    output: [],
    usage: null,
  }
}

/** The item before anything of it was told. */
function emptyItem(item: Item): Item {
  const added: Item = { ...item, ...(item.status === undefined ? {} : { status: 'in_progress' }) }
  if (item.type === 'message') return { ...added, content: [] }
  if (item.type === 'reasoning') {
    const { content: _content, encrypted_content: _encrypted, ...rest } = added
    return { ...rest, type: 'reasoning', summary: [] }
  }
  const streamed = streamedMember(item.type)
  if (streamed !== null && typeof item[streamed.member] === 'string') added[streamed.member] = ''
  // A finished image is megabytes: once, in the finished item, is enough.
  if (item.type === 'image_generation_call') delete added.result
  return added
}

function tellItem(log: EventLog, item: Item, outputIndex: number): void {
  const owner: LaneOwner = { id: String(item.id), outputIndex }
  if (item.type === 'reasoning') tellParts(new PartLane(log, owner, 'summary'), item.summary)
  if (item.type === 'message' || item.type === 'reasoning')
    tellParts(new PartLane(log, owner, 'content'), item.content)
  else tellMember(log, item, outputIndex)
}

function tellParts(lane: PartLane, parts: unknown): void {
  for (const part of Array.isArray(parts) ? (parts as ContentPart[]) : []) {
    lane.next()
    if (isTextPart(part.type)) tellText(lane, part)
    else lane.appendWhole(part)
  }
  lane.closeCurrent()
}

function tellText(lane: PartLane, part: ContentPart): void {
  const { type, text, refusal, logprobs, annotations } = part
  lane.open(type)
  lane.append(type, String(text ?? refusal ?? ''), asObjects(logprobs))
  for (const annotation of asObjects(annotations)) lane.annotate(annotation)
}

function tellMember(log: EventLog, item: Item, outputIndex: number): void {
  const streamed = log.sendableMember(item.type)
  const value = streamed === null ? null : item[streamed.member]
  if (streamed === null || typeof value !== 'string') return
  if (value !== '')
    log.add(`${streamed.event}.delta`, { item_id: item.id, output_index: outputIndex, delta: value })
  if (value !== '' || item.type === 'function_call') log.memberDone(item, outputIndex, value)
}

function asObjects(list: unknown): JsonObject[] {
  return Array.isArray(list) ? (list as JsonObject[]) : []
}
