import { html, LitElement, nothing, type PropertyValues } from 'lit'
import type { AdminAdaptation } from '../../server/http/admin/contract.ts'
import { formatPlural } from '../model/format.ts'
import { type DiffRow, type DiffSide, diffJson } from '../model/json-diff.ts'
import { foldRows, type Marks, markRows, type Section } from '../model/mark-rows.ts'
import { badgeStyles, baseStyles, controlStyles } from '../styles/shared.ts'
import { jsonCompareStyles } from './json-compare-styles.ts'
import './long-text.ts'

const pageSize = 1500
const longLine = 1200

/** Two JSON values line by line, differences and adaptations marked where they are, unchanged parts folded. */
export class JsonCompare extends LitElement {
  static override properties = {
    left: { attribute: false },
    right: { attribute: false },
    adaptations: { attribute: false },
    unfolded: { state: true },
    shown: { state: true },
  }
  static override styles = [baseStyles, controlStyles, badgeStyles, jsonCompareStyles]
  left: unknown = null
  right: unknown = null
  adaptations: AdminAdaptation[] = []
  unfolded: ReadonlySet<number> = new Set()
  shown = pageSize
  #rows: DiffRow[] = []
  #marks: Marks = new Map()
  #sections: Section[] = []

  override willUpdate(changed: PropertyValues) {
    if (!changed.has('left') && !changed.has('right') && !changed.has('adaptations')) return
    this.#rows = diffJson(this.left, this.right)
    this.#marks = markRows(this.#rows, this.adaptations)
    this.#sections = foldRows(this.#rows, this.#marks)
    this.unfolded = new Set()
    this.shown = pageSize
  }

  override render() {
    const changed = this.#rows.some(({ kind }) => kind !== 'same')
    return html`${changed ? nothing : html`<p class="equal">Both say the same.</p>`}
      <div class="rows">${this.#renderSections()}</div>`
  }

  #renderSections() {
    let room = this.shown
    const parts: unknown[] = []
    for (const section of this.#sections) {
      if (room <= 0) break
      if (section.folded && !this.unfolded.has(section.from)) {
        parts.push(this.#renderFold(section))
        continue
      }
      const to = Math.min(section.to, section.from + room)
      for (let index = section.from; index < to; index++) parts.push(this.#renderRow(index))
      room -= to - section.from
    }
    if (room <= 0) parts.push(this.#renderMore())
    return parts
  }

  #renderFold({ from, to }: Section) {
    return html`<button class="fold" type="button" @click=${() => this.#unfold(from)}>
      ${formatPlural(to - from, 'equal line')}
    </button>`
  }

  #renderMore() {
    return html`<button class="fold" type="button" @click=${this.#showMore}>Show more lines</button>`
  }

  #renderRow(index: number) {
    const row = this.#rows[index]!
    const marks = this.#marks.get(index)
    return html`<div class="row ${row.kind} ${marks ? 'marked' : ''}">
        ${this.#renderSide(row.left, row, 'left')} ${this.#renderSide(row.right, row, 'right')}
      </div>
      ${marks?.map(renderMark)}`
  }

  #renderSide(side: DiffSide | null, row: DiffRow, name: 'left' | 'right') {
    if (!side) return html`<div class="side ${name} absent"></div>`
    const differs = row.kind !== 'same'
    const sign = name === 'left' ? '−' : '+'
    const words = name === 'left' ? 'only sent: ' : 'only received: '
    return html`<div class="side ${name}">
      <span class="sign">${differs ? html`<span aria-hidden="true">${sign}</span><span class="visually-hidden">${words}</span>` : nothing}</span>
      <code class="indent-${Math.min(row.indent, 16)}">${renderLine(side.text)}</code>
    </div>`
  }

  #unfold(from: number): void {
    this.unfolded = new Set([...this.unfolded, from])
  }

  #showMore = (): void => {
    this.shown += pageSize * 2
  }
}

/** The member's name apart from its value, for colour. */
function renderLine(text: string) {
  const name = text.length < 20_000 ? /^("(?:[^"\\]|\\.)*")(: )/.exec(text) : null
  const value = name ? text.slice(name[0].length) : text
  const kind = value.startsWith('"') ? 'string' : /^[-\dtfn]/.test(value) ? 'literal' : ''
  return html`${name ? html`<span class="name">${name[1]}</span>${name[2]}` : nothing}<span class=${kind}
      
      >${value.length > longLine ? html`<dm-long-text .text=${value} .limit=${longLine}></dm-long-text>` : value}</span
    >`
}

function renderMark({ action, field, detail }: AdminAdaptation) {
  return html`<div class="mark">
    <span class="badge ${action === 'dropped' || action === 'clamped' ? 'warn' : 'busy'}">${action}</span>
    <code>${field}</code>${detail === '' ? nothing : html`<span class="detail">${detail}</span>`}
  </div>`
}

customElements.define('dm-json-compare', JsonCompare)
