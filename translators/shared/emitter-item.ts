/**
 * The writer for every item that is not a message or reasoning: function calls, built-in tools, unknown kinds.
 * It holds the item back until it may be added (a call's name is known, a kind without progress is whole), asks
 * the guards, and passes everything the provider said, with ids and indexes that are ours.
 */
import { type Item, isObject, type JsonObject } from './canonical.ts'
import { CustomInputReader } from './custom-input.ts'
import type { EmitterCore, ItemWriter } from './emitter-core.ts'
import { findOwnTool } from './emitter-guards.ts'
import { idPrefix } from './ids.ts'
import {
  hasProgress,
  itemTypeOfOwnEvent,
  needsCallId,
  needsName,
  type StreamedMember,
  streamedMember,
} from './item-kinds.ts'

export class WholeItemWriter implements ItemWriter {
  /** As the provider tells it. */
  readonly type: string
  id = ''
  outputIndex = -1
  endedIncomplete = false
  /** What the deltas of the streamed member add up to. */
  value = ''
  private readonly core: EmitterCore
  /** As the client is sent it. */
  private sentType: string
  private streamed: StreamedMember | null
  /** Of a custom tool's call that came as a function's. */
  private customInput: CustomInputReader | null = null
  private item: JsonObject
  private state: 'waiting' | 'open' | 'dropped' | 'closed' = 'waiting'
  private sealed = false
  private sawDelta = false
  private commands: string[] = []
  /** The last `encrypted_content` of the provider, and what stands for it. */
  private content: { told: string; given: string | null } | null = null

  /** @param item what is known so far; the streamed member's value in it is ignored. */
  constructor(core: EmitterCore, item: Item) {
    this.core = core
    this.type = item.type
    this.sentType = item.type
    this.streamed = streamedMember(item.type)
    this.item = { ...item }
    this.admitWhenReady(false)
  }

  get isOpen(): boolean {
    return this.state === 'waiting' || this.state === 'open'
  }

  get dropped(): boolean {
    return this.state === 'dropped'
  }

  /** Later knowledge about the item. What clients have seen of its identity does not change any more. */
  describe(item: JsonObject): void {
    if (!this.isOpen) return
    const fixed = this.state === 'open' ? { name: this.item.name, namespace: this.item.namespace } : {}
    const callId = this.state === 'open' ? this.item.call_id : undefined
    for (const key in item) {
      if (item[key] !== undefined && (item[key] !== null || this.item[key] === undefined))
        this.item[key] = item[key]
    }
    for (const [key, value] of Object.entries(fixed)) if (value !== undefined) this.item[key] = value
    if (callId !== undefined) this.item.call_id = callId
    this.admitWhenReady(false)
  }

  /** The streamed member grows. */
  append(delta: string): void {
    if (delta === '' || !this.isOpen || this.streamed === null) return
    if (this.sealed) {
      this.core.note('output', 'dropped', `text of a ${this.type} after its end`)
      return
    }
    this.value += delta
    this.admitWhenReady(false)
    if (this.state === 'open') this.pushDelta(delta)
  }

  /** An event of the item's own kind, e.g. `response.web_search_call.searching`. Those that nobody knows are left out. */
  event(type: string, fields: JsonObject): void {
    if (this.state !== 'open' || itemTypeOfOwnEvent(type) !== this.type) return
    if (/\.(completed|failed|interpreting)$/.test(type) && this.value !== '') this.seal()
    if (this.core.context.events !== 'openai') return
    if (this.type === 'shell_call' && !this.acceptCommandEvent(type, fields)) return
    const { sequence_number: _sequence, obfuscation: _obfuscation, ...rest } = fields
    this.core.push({
      ...rest,
      type,
      sequence_number: this.core.nextSequence(),
      item_id: this.id,
      output_index: this.outputIndex,
    })
  }

  /** The item is whole. An `incomplete` one stays open until it is known whether it is the last. */
  finish(status: 'completed' | 'incomplete' = 'completed'): void {
    if (!this.isOpen) return
    if (status === 'incomplete') this.endedIncomplete = true
    else this.close('completed')
  }

  close(status: 'completed' | 'incomplete'): void {
    if (!this.isOpen) return
    this.admitWhenReady(true)
    if (this.state === 'dropped') return
    if (this.state === 'waiting') {
      this.state = 'dropped'
      this.core.lose(`a ${this.type} without a name`)
      return
    }
    this.seal()
    this.state = 'closed'
    const item = this.renderFinal(status)
    this.core.pushItem('done', this.outputIndex, item)
    this.core.settle(this.outputIndex, item)
  }

  /** Whether the arguments so far are whole JSON: a call cut off in the middle must not look callable. */
  get isPlausiblyWhole(): boolean {
    if (streamedMember(this.type)?.member !== 'arguments') return true
    try {
      JSON.parse(this.value)
      return true
    } catch {
      return false
    }
  }

  private admitWhenReady(whole: boolean): void {
    if (this.state !== 'waiting') return
    const named = !needsName(this.type) || (typeof this.item.name === 'string' && this.item.name !== '')
    if (!named || (!whole && !hasProgress(this.type))) return
    if (!this.core.admit(this.type, this.item)) {
      this.state = 'dropped'
      return
    }
    this.takeIdentity()
    this.outputIndex = this.core.claimIndex(this)
    this.state = 'open'
    this.core.pushItem('added', this.outputIndex, this.renderAdded())
    if (this.value !== '') this.pushDelta(this.value)
  }

  /** The tool under the client's own name, and of the client's own kind. */
  private takeName(): void {
    const { item, type } = this
    const own = needsName(type) ? findOwnTool(this.core.context.sent.toolNames, item.name) : null
    if (own === null) return
    item.name = own.name
    if (own.namespace !== undefined) item.namespace = own.namespace
    if (!own.custom || type !== 'function_call') return
    this.sentType = 'custom_tool_call'
    this.streamed = streamedMember(this.sentType)
    this.customInput = new CustomInputReader()
  }

  private takeIdentity(): void {
    this.takeName()
    const { core, item, type } = this
    const providerId = typeof item.id === 'string' ? item.id : ''
    // The client answers an approval request by its id, as it answers a call by its call_id: the provider must know it again.
    this.id =
      type === 'mcp_approval_request' && providerId !== '' && core.claimCorrelation(`id:${providerId}`)
        ? providerId
        : core.context.newId(idPrefix(this.sentType))
    if (needsCallId(type)) item.call_id = this.takeCallId()
    const commands = isObject(item.action) ? item.action.commands : undefined
    if (Array.isArray(commands)) this.commands = commands.filter((command) => typeof command === 'string')
  }

  private takeCallId(): string {
    const told = this.item.call_id
    if (typeof told === 'string' && told !== '' && this.core.claimCorrelation(`${this.type}:${told}`))
      return told
    return this.core.context.newId('call')
  }

  /** Built-in items keep their nulls; calls that clients parse have absent members instead. */
  private copyItem(): Item {
    const copy: Item = { ...this.item, id: this.id, type: this.sentType }
    if (this.customInput !== null) delete copy.arguments
    this.sealContent(copy)
    if (needsName(this.type)) for (const key in copy) if (copy[key] === null) delete copy[key]
    return copy
  }

  /** The same content is sealed once: an item says the same thing when it is added and when it is done. */
  private sealContent(copy: Item): void {
    const told = copy.encrypted_content
    if (typeof told !== 'string') return
    if (this.content?.told !== told) this.content = { told, given: this.core.seal(told, this.id) }
    if (this.content.given === null) delete copy.encrypted_content
    else copy.encrypted_content = this.content.given
  }

  private renderAdded(): Item {
    const added = this.copyItem()
    if (this.streamed !== null) {
      added[this.streamed.member] = ''
      added.status = 'in_progress'
    } else if (typeof added.status === 'string') added.status = 'in_progress'
    // A finished image is megabytes: once, in the finished item, is enough.
    if (this.type === 'image_generation_call') delete added.result
    return added
  }

  private renderFinal(status: 'completed' | 'incomplete'): Item {
    const item = this.copyItem()
    if (this.streamed !== null && (this.value !== '' || this.sawDelta || needsName(this.type))) {
      item[this.streamed.member] = this.customInput?.text ?? this.value
    }
    if (needsName(this.type)) item.status = status
    else if (typeof item.status === 'string') item.status = finalStatus(item.status, status)
    return item
  }

  private seal(): void {
    if (this.sealed || this.streamed === null || this.state !== 'open') return
    this.sealed = true
    if (this.customInput !== null) this.pushText(this.customInput.end())
    if (!this.maySendMember() || (!this.sawDelta && this.sentType !== 'function_call')) return
    const name = this.sentType === 'function_call' ? { name: this.item.name } : {}
    this.core.push({
      type: `${this.streamed.event}.done`,
      sequence_number: this.core.nextSequence(),
      item_id: this.id,
      output_index: this.outputIndex,
      ...name,
      [this.streamed.member]: this.customInput?.text ?? this.value,
    })
  }

  private pushDelta(delta: string): void {
    this.pushText(this.customInput === null ? delta : this.customInput.push(delta))
  }

  private pushText(delta: string): void {
    if (delta === '') return
    this.sawDelta = true
    if (!this.maySendMember() || this.streamed === null) return
    this.core.push({
      type: `${this.streamed.event}.delta`,
      sequence_number: this.core.nextSequence(),
      item_id: this.id,
      output_index: this.outputIndex,
      delta,
    })
  }

  /** The specification's list has only the arguments of functions. */
  private maySendMember(): boolean {
    return this.sentType === 'function_call' || this.core.context.events === 'openai'
  }

  /** Commands are counted from 0 without a gap; OpenAI's SDK throws on anything else. */
  private acceptCommandEvent(type: string, fields: JsonObject): boolean {
    const index = fields.command_index
    const action = this.item.action
    if (typeof index !== 'number' || !isObject(action) || !Array.isArray(action.commands)) return false
    if (type.endsWith('.added')) {
      if (index !== this.commands.length || typeof fields.command !== 'string') return false
      this.commands.push(fields.command)
      return true
    }
    return this.commands[index] !== undefined
  }
}

const finishedStatuses = new Set(['completed', 'incomplete', 'failed'])

/** A built-in tool's own end (`failed` too) stands; one still at work gets the status of the closing. */
function finalStatus(told: string, closing: 'completed' | 'incomplete'): string {
  if (closing === 'incomplete' && told !== 'failed') return 'incomplete'
  return finishedStatuses.has(told) && told !== 'incomplete' ? told : closing
}
