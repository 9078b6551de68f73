import { css, html, LitElement, nothing, type PropertyValues } from 'lit'
import { saveFile } from '../controllers/save-file.ts'
import { formatBytes } from '../model/format.ts'
import { isShown, type MediaReference } from '../model/media.ts'
import { baseStyles, controlStyles } from '../styles/shared.ts'

/** Pictures, files and recordings of a request. Only plain pictures are shown; all else can be saved. */
export class MediaList extends LitElement {
  static override properties = {
    media: { attribute: false },
    load: { attribute: false },
    pictures: { state: true },
    lost: { state: true },
  }
  static override styles = [
    baseStyles,
    controlStyles,
    css`
      ul {
        display: flex;
        flex-wrap: wrap;
        gap: 12px;
        margin: 0;
        padding: 0 16px 16px;
        list-style: none;
      }
      li {
        display: grid;
        align-content: end;
        gap: 6px;
        min-width: 120px;
        padding: 10px;
        border: 1px solid var(--line);
        border-radius: var(--radius-small);
        background: var(--sunken);
        font-size: 12.5px;
      }
      img {
        max-width: 180px;
        max-height: 140px;
        border-radius: 4px;
        object-fit: contain;
      }
    `,
  ]
  media: readonly MediaReference[] = []
  load: (hash: string) => Promise<Blob> = () => Promise.reject(new Error('Nothing loads media.'))
  /** Data URLs by hash: what the page's policy lets a picture be. */
  pictures: ReadonlyMap<string, string> = new Map()
  /** Hashes of what is not there any more. */
  lost: ReadonlySet<string> = new Set()

  override willUpdate(changed: PropertyValues) {
    if (!changed.has('media')) return
    for (const reference of this.media) {
      if (isShown(reference) && !this.pictures.has(reference.hash)) void this.#show(reference)
    }
  }

  override render() {
    return html`<ul aria-label="Pictures and files">
      ${this.media.map((reference) => this.#renderReference(reference))}
    </ul>`
  }

  #renderReference(reference: MediaReference) {
    const { hash, type, bytes } = reference
    const picture = this.pictures.get(hash)
    return html`<li>
      ${picture ? html`<img src=${picture} alt=${`A picture of the request, ${type}`} />` : nothing}
      <span>${type} <span class="faint number">${formatBytes(bytes)}</span></span>
      ${
        this.lost.has(hash)
          ? html`<span class="soft">not kept any more</span>`
          : html`<button class="small" type="button" title=${hash} @click=${() => this.#save(reference)}>
              <span aria-hidden="true">↓</span> Save
            </button>`
      }
    </li>`
  }

  async #show({ hash }: MediaReference): Promise<void> {
    const content = await this.#fetch(hash)
    if (content) this.pictures = new Map([...this.pictures, [hash, await readDataUrl(content)]])
  }

  async #save({ hash, type }: MediaReference): Promise<void> {
    const content = await this.#fetch(hash)
    const extension = /^[\w-]+\/([a-z0-9]+)/.exec(type)?.[1] ?? 'bin'
    if (content) saveFile(content, `${hash.slice(0, 16)}.${extension}`)
  }

  async #fetch(hash: string): Promise<Blob | null> {
    try {
      return await this.load(hash)
    } catch {
      this.lost = new Set([...this.lost, hash])
      return null
    }
  }
}

function readDataUrl(content: Blob): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const reader = new FileReader()
  reader.onload = () => resolve(String(reader.result))
  reader.onerror = () => reject(new Error('The picture cannot be read.'))
  reader.readAsDataURL(content)
  return promise
}

customElements.define('dm-media', MediaList)
