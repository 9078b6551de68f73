/**
 * The gateway's envelope around content that only its maker can read: a provider's encrypted reasoning, a compaction.
 * The client gets it as `encrypted_content` and sends it back; only this gateway opens it, only for the project that it
 * was made for, so that it goes back to the provider that made it and to no other.
 *
 * `dgm1.<key id>.<base64url of nonce (12 bytes), AES-256-GCM ciphertext, tag (16 bytes)>`, with the project as additional
 * authenticated data. Keys rotate; old ones stay to open what they sealed.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { type CanonicalRequest, type Item, isObject } from '../../../translators/shared/canonical.ts'
import type { SealKey, StateStore } from '../../store/state/state.ts'

export type Sealed =
  /** `encrypted_content` of a reasoning or compaction item, made by this provider. */
  | { kind: 'content'; provider: string; content: string }
  /** A compaction that the gateway had a model write, with messages of the user as they were: readable everywhere. */
  | { kind: 'summary'; text: string; said?: string[]; waiting?: Item[] }
  /**
   * A provider's own compaction; `source` is the kept response whose input it stands for, for all other providers.
   * `waiting`, here and above: the calls in it that had no output, for which one may still come.
   */
  | { kind: 'compaction'; provider: string; content: string; source: string; waiting?: Item[] }

export interface Sealer {
  seal(project: string, sealed: Sealed): string
  /** `foreign`: not from this gateway. `unreadable`: ours by its look, but damaged, of another project, or of a lost key. */
  open(project: string, text: string): Sealed | 'foreign' | 'unreadable'
  /** Reads the keys anew when the input needs one that another gateway has made since. Rejects with StoreError. */
  learn(input: CanonicalRequest['input']): Promise<void>
  /** Makes a new key when the newest is older than the time allowed. Call now and then. */
  rotate(now: number): Promise<void>
}

const prefix = 'dgm1.'
const nonceBytes = 12
const tagBytes = 16

export interface SealerOptions {
  state: Pick<StateStore, 'sealKeys' | 'addSealKey'>
  /** Milliseconds after which a new key is made. */
  rotateAfter: number
  /** Unix milliseconds. */
  now: number
}

/** Reads the keys, and makes the first one. Rejects with StoreError. */
export async function createSealer({ state, rotateAfter, now }: SealerOptions): Promise<Sealer> {
  const keys = new Map<string, Buffer>()
  let newest: SealKey | null = null

  async function load(): Promise<void> {
    const found = await state.sealKeys()
    for (const { id, secret } of found) keys.set(id, Buffer.from(secret, 'base64'))
    newest = found[0] ?? null
  }
  async function rotate(at: number): Promise<void> {
    await load()
    if (newest !== null && at - newest.createdAt < rotateAfter) return
    const key = {
      id: randomBytes(6).toString('hex'),
      createdAt: at,
      secret: randomBytes(32).toString('base64'),
    }
    await state.addSealKey(key, at - rotateAfter)
    // Read back: another gateway may have been quicker, and then its key is the one.
    await load()
  }
  await rotate(now)
  /** One reading for all who have asked since the last one began. */
  let reading: Promise<void> | null = null
  function isUnknown({ encrypted_content: text }: Item): boolean {
    if (typeof text !== 'string' || !text.startsWith(prefix)) return false
    return !keys.has(keyIdOf(text))
  }
  return {
    rotate,
    async learn(input) {
      const items = Array.isArray(input) ? input : []
      // The first look may have begun before the key was made.
      for (let looks = 0; looks < 2 && items.some(isUnknown); looks += 1) {
        reading ??= load().finally(() => {
          reading = null
        })
        await reading
      }
    },
    seal(project, sealed) {
      const { id } = newest as SealKey
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', keys.get(id) as Buffer, nonce).setAAD(Buffer.from(project))
      const text = Buffer.concat([
        nonce,
        cipher.update(JSON.stringify(sealed), 'utf8'),
        cipher.final(),
        cipher.getAuthTag(),
      ])
      return `${prefix}${id}.${text.toString('base64url')}`
    },
    open(project, text) {
      if (!text.startsWith(prefix)) return 'foreign'
      const [, body = ''] = text.slice(prefix.length).split('.')
      const key = keys.get(keyIdOf(text))
      return (key && unseal(key, project, Buffer.from(body, 'base64url'))) ?? 'unreadable'
    },
  }
}

function keyIdOf(text: string): string {
  return text.slice(prefix.length).split('.', 1)[0] ?? ''
}

function unseal(key: Buffer, project: string, bytes: Buffer): Sealed | null {
  if (bytes.length < nonceBytes + tagBytes) return null
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes))
    .setAAD(Buffer.from(project))
    .setAuthTag(bytes.subarray(-tagBytes))
  try {
    const text =
      decipher.update(bytes.subarray(nonceBytes, -tagBytes), undefined, 'utf8') + decipher.final('utf8')
    const sealed: unknown = JSON.parse(text)
    return isObject(sealed) ? (sealed as Sealed) : null
  } catch {
    return null
  }
}
