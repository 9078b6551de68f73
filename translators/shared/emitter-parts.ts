/**
 * A lane of parts inside one item: a message's content, a reasoning item's content or its summary.
 * Parts come one after another: `part added → delta* → done → part done`, with indexes counted here.
 */
import type { ContentPart, JsonObject } from './canonical.ts'
import type { EmitterCore } from './emitter-core.ts'
import type { Context } from './translator.ts'

/** One part as far as it has been sent. */
export interface SentPart {
  type: string
  /** What the deltas add up to (for a part that came whole: empty). */
  text: string
  logprobs: JsonObject[]
  annotations: JsonObject[]
  open: boolean
  /** Its text has been said to be whole. Only of a stream that others began. */
  isTextDone?: boolean
  /** A part of a kind without deltas, passed as it came. */
  whole: ContentPart | null
}

/** What a lane needs of the emitter. */
export interface LaneCore extends Pick<EmitterCore, 'nextSequence' | 'push'> {
  readonly context: Pick<Context, 'events'>
}

/** Where a lane lives. The output index is known once the item has been added. */
export interface LaneOwner {
  readonly id: string
  readonly outputIndex: number
}

/** The names that a kind of text part has on the wire. */
interface TextSpelling {
  delta: string
  done: string
  /** The member that holds the text, in the part and in the done event. */
  member: 'text' | 'refusal'
}

const spellings: { readonly [type: string]: TextSpelling } = {
  output_text: { delta: 'response.output_text.delta', done: 'response.output_text.done', member: 'text' },
  refusal: { delta: 'response.refusal.delta', done: 'response.refusal.done', member: 'refusal' },
  reasoning_text: {
    delta: 'response.reasoning_text.delta',
    done: 'response.reasoning_text.done',
    member: 'text',
  },
  summary_text: {
    delta: 'response.reasoning_summary_text.delta',
    done: 'response.reasoning_summary_text.done',
    member: 'text',
  },
}

/** The specification's own names for raw reasoning, which OpenAI's SDKs do not know. */
const specificationReasoning: TextSpelling = {
  delta: 'response.reasoning.delta',
  done: 'response.reasoning.done',
  member: 'text',
}

/** Kinds of parts that stream as text; all other kinds come whole. */
export function isTextPart(type: string): boolean {
  return spellings[type] !== undefined
}

export class PartLane {
  readonly parts: SentPart[] = []
  private readonly core: LaneCore
  private readonly owner: LaneOwner
  private readonly isSummary: boolean
  private startNext = false

  constructor(core: LaneCore, owner: LaneOwner, kind: 'content' | 'summary') {
    this.core = core
    this.owner = owner
    this.isSummary = kind === 'summary'
  }

  /** The part that deltas go to, if one is open. */
  get current(): SentPart | null {
    const last = this.parts.at(-1)
    return last?.open && !this.startNext ? last : null
  }

  /** Everything sent as text of one kind, in order. */
  textOf(type: string): string {
    let text = ''
    for (const part of this.parts) if (part.type === type) text += part.text
    return text
  }

  /** Opens a part of this kind now, or keeps the one that is open when nothing asked for another. */
  open(type: string): SentPart {
    const current = this.current
    if (current !== null && current.type === type) return current
    this.closeCurrent()
    this.startNext = false
    const part: SentPart = { type, text: '', logprobs: [], annotations: [], open: true, whole: null }
    this.parts.push(part)
    this.pushPart('added', this.render(part, true))
    return part
  }

  /** The next delta starts a new part. */
  next(): void {
    this.startNext = true
  }

  append(type: string, delta: string, logprobs: JsonObject[] = []): void {
    if (delta === '' && logprobs.length === 0) return
    const part = this.open(type)
    part.text += delta
    for (const logprob of logprobs) part.logprobs.push(logprob)
    this.pushDelta(type, delta, logprobs)
  }

  /** A part of a kind that has no deltas. */
  appendWhole(part: ContentPart): void {
    this.closeCurrent()
    this.startNext = false
    this.parts.push({ type: part.type, text: '', logprobs: [], annotations: [], open: false, whole: part })
    this.pushPart('added', part)
    this.pushPart('done', part)
  }

  /** Citations and the like, counted per part. Opens a text part when none is. */
  annotate(annotation: JsonObject): void {
    const part = this.open('output_text')
    this.core.push({
      type: 'response.output_text.annotation.added',
      sequence_number: this.core.nextSequence(),
      item_id: this.owner.id,
      output_index: this.owner.outputIndex,
      content_index: this.parts.length - 1,
      annotation_index: part.annotations.length,
      annotation,
    })
    part.annotations.push(annotation)
  }

  closeCurrent(): void {
    const part = this.parts.at(-1)
    if (!part?.open) return
    part.open = false
    if (part.whole === null && !part.isTextDone) this.pushDone(part)
    this.pushPart('done', this.render(part, false))
  }

  /** The finished parts, as they stand in the whole item. */
  renderAll(): ContentPart[] {
    return this.parts.map((part) => this.render(part, false))
  }

  private render(part: SentPart, empty: boolean): ContentPart {
    if (part.whole !== null) return part.whole
    const text = empty ? '' : part.text
    if (part.type === 'refusal') return { type: 'refusal', refusal: text }
    if (part.type !== 'output_text') return { type: part.type, text }
    return {
      type: 'output_text',
      text,
      annotations: empty ? [] : part.annotations,
      logprobs: empty ? [] : part.logprobs,
    }
  }

  private spellingOf(type: string): TextSpelling {
    if (type === 'reasoning_text' && this.core.context.events === 'open-responses')
      return specificationReasoning
    return spellings[type] as TextSpelling
  }

  private pushDelta(type: string, delta: string, logprobs: JsonObject[]): void {
    const { id, outputIndex } = this.owner
    const index = this.parts.length - 1
    const name = this.spellingOf(type).delta
    const sequence_number = this.core.nextSequence()
    if (this.isSummary) {
      this.core.push({
        type: name,
        sequence_number,
        item_id: id,
        output_index: outputIndex,
        summary_index: index,
        delta,
      })
    } else if (type === 'output_text') {
      this.core.push({
        type: name,
        sequence_number,
        item_id: id,
        output_index: outputIndex,
        content_index: index,
        delta,
        logprobs,
      })
    } else {
      this.core.push({
        type: name,
        sequence_number,
        item_id: id,
        output_index: outputIndex,
        content_index: index,
        delta,
      })
    }
  }

  private pushDone(part: SentPart): void {
    const { done, member } = this.spellingOf(part.type)
    this.core.push({
      type: done,
      sequence_number: this.core.nextSequence(),
      item_id: this.owner.id,
      output_index: this.owner.outputIndex,
      [this.isSummary ? 'summary_index' : 'content_index']: this.parts.length - 1,
      [member]: part.text,
      ...(part.type === 'output_text' ? { logprobs: part.logprobs } : {}),
    })
  }

  private pushPart(moment: 'added' | 'done', part: ContentPart): void {
    this.core.push({
      type: `response.${this.isSummary ? 'reasoning_summary_part' : 'content_part'}.${moment}`,
      sequence_number: this.core.nextSequence(),
      item_id: this.owner.id,
      output_index: this.owner.outputIndex,
      [this.isSummary ? 'summary_index' : 'content_index']: this.parts.length - 1,
      part,
    })
  }
}
