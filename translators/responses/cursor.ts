/**
 * Where the provider is in one lane of parts, and what of it has been sent. Deltas, `done` texts, part events and
 * whole items all say the same thing several times, or only once: the cursor sends each character once.
 */
import type { ContentPart, JsonObject } from '../shared/canonical.ts'
import { isTextPart, type PartLane, type SentPart } from '../shared/emitter-parts.ts'
import { cleanHarmonyText, HarmonyFilter, type HarmonyPieces } from '../shared/harmony.ts'
import { readObjects, textOfPart } from './shapes.ts'

export interface CursorOptions {
  /** Takes control tokens out of `output_text`; what the model thought goes to `leak`. */
  cleanHarmony: boolean
  leak(reasoning: string): void
  /** The provider contradicts what has been sent; what has been sent stands. */
  contradiction(): void
}

export class LaneCursor {
  readonly lane: PartLane
  private readonly options: CursorOptions
  private readonly filter: HarmonyFilter | null
  /** The provider's own index of the current part. */
  private key: number | null = null
  /** The provider has said that the current part is done. */
  private ended = false
  /** Text that came with `added`: deltas may repeat it. */
  private announced: { type: string; text: string } | null = null
  /** Thoughts that stood in the text and have been sent as reasoning. */
  private leaked = ''

  constructor(lane: PartLane, options: CursorOptions) {
    this.lane = lane
    this.options = options
    this.filter = options.cleanHarmony ? new HarmonyFilter() : null
  }

  /** All that has been sent. */
  get text(): string {
    let text = ''
    for (const part of this.lane.parts) text += part.text
    return text
  }

  /** A part begins. */
  begin(type: string, key: number | null, text: string): void {
    if (!isTextPart(type)) return
    if (this.lane.current !== null && (key !== this.key || this.ended)) this.nextPart()
    this.key = key
    this.ended = false
    this.lane.open(type)
    this.announce(type, text)
  }

  /** Text that may or may not come again as deltas. */
  announce(type: string, text: string): void {
    if (text !== '' && this.announced === null && this.text === '') this.announced = { type, text }
  }

  delta(type: string, key: number | null, delta: string, logprobs: JsonObject[]): void {
    if (this.ended && key !== this.key) this.nextPart()
    this.key ??= key
    const announced = this.announced
    this.announced = null
    if (announced !== null && !announced.text.startsWith(delta) && !delta.startsWith(announced.text)) {
      this.write(announced.type, announced.text, [])
    }
    this.write(type, delta, logprobs)
  }

  /** The provider says what the current part amounts to: what is missing is sent. */
  done(type: string, key: number | null, part: ContentPart): void {
    if (!isTextPart(type)) {
      if (this.lane.parts.every((sent) => sent.whole === null || sent.type !== type))
        this.lane.appendWhole(part)
      return
    }
    if (this.ended && key !== this.key) this.nextPart()
    this.key ??= key
    this.settlePart(this.currentOf(type) ?? this.lane.open(type), part)
    this.ended = true
  }

  /**
   * The provider says what the whole lane amounts to.
   * @returns text that could not be sent because the item is closed.
   */
  settle(wanted: readonly ContentPart[], isOpen: boolean): string {
    this.flush()
    this.announced = null
    if (wanted.length !== this.lane.parts.length && this.text !== '' && this.sameText(wanted)) return ''
    let unsent = ''
    for (const [index, part] of wanted.entries()) {
      const sent = this.lane.parts[index]
      if (sent !== undefined) unsent += this.settlePart(sent, part)
      else if (isOpen) this.add(part)
      else unsent += this.clean(part).text
    }
    return unsent
  }

  /** Nothing more is coming: what was held back or only announced is sent. */
  finish(): void {
    if (this.announced !== null && this.text === '') this.write(this.announced.type, this.announced.text, [])
    this.announced = null
    this.flush()
  }

  annotate(annotation: JsonObject): void {
    this.flush()
    if (this.lane.parts.length === 0 || this.lane.parts.at(-1)?.open) this.lane.annotate(annotation)
  }

  private nextPart(): void {
    this.flush()
    this.lane.next()
    this.key = null
    this.ended = false
  }

  private add(part: ContentPart): void {
    if (!isTextPart(part.type)) {
      this.lane.appendWhole(part)
      return
    }
    this.nextPart()
    this.settlePart(this.lane.open(part.type), part)
  }

  private currentOf(type: string): SentPart | null {
    const last = this.lane.parts.at(-1)
    return last !== undefined && last.type === type ? last : null
  }

  private settlePart(sent: SentPart, told: ContentPart): string {
    if (sent.type !== told.type) {
      if (textOfPart(told) !== '') this.options.contradiction()
      return ''
    }
    if (sent.whole !== null) return ''
    this.flush()
    this.announced = null
    const { text, reasoning } = this.clean(told)
    if (reasoning.length > this.leaked.length && reasoning.startsWith(this.leaked)) {
      this.leak(reasoning.slice(this.leaked.length))
    }
    if (!text.startsWith(sent.text)) {
      if (text !== '') this.options.contradiction()
      return ''
    }
    const rest = text.slice(sent.text.length)
    if (!sent.open || sent !== this.lane.parts.at(-1)) return rest
    this.completePart(sent, told, rest)
    return ''
  }

  private completePart(sent: SentPart, told: ContentPart, rest: string): void {
    const logprobs = readObjects(told.logprobs)
    if (rest !== '') this.lane.append(sent.type, rest, sent.text === '' ? logprobs : [])
    if (logprobs.length > sent.logprobs.length) sent.logprobs.splice(0, sent.logprobs.length, ...logprobs)
    if (sent.type !== 'output_text') return
    for (const annotation of readObjects(told.annotations).slice(sent.annotations.length)) {
      this.lane.annotate(annotation)
    }
  }

  private sameText(wanted: readonly ContentPart[]): boolean {
    let text = ''
    for (const part of wanted) text += this.clean(part).text
    return text === this.text
  }

  private clean(part: ContentPart): HarmonyPieces {
    const text = textOfPart(part)
    return this.filter === null || part.type !== 'output_text'
      ? { text, reasoning: '' }
      : cleanHarmonyText(text)
  }

  private write(type: string, text: string, logprobs: JsonObject[]): void {
    if (this.filter === null || type !== 'output_text') this.lane.append(type, text, logprobs)
    else this.send(this.filter.push(text), logprobs)
  }

  private flush(): void {
    if (this.filter !== null) this.send(this.filter.end(), [])
  }

  private leak(reasoning: string): void {
    this.leaked += reasoning
    this.options.leak(reasoning)
  }

  private send(pieces: HarmonyPieces, logprobs: JsonObject[]): void {
    if (pieces.reasoning !== '') this.leak(pieces.reasoning)
    this.lane.append('output_text', pieces.text, logprobs)
  }
}
