/** Encrypted content as the simulated providers make it: only the one that made it reads it, and nothing damaged. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { isObject, type JsonObject } from '../../translators/shared/canonical.ts'
import type { ProviderName } from './types.ts'

/** As the sandbox's keys, they keep no one out: they keep the simulated providers apart, also from one start to the next. */
function keyOf(provider: ProviderName): Buffer {
  return createHash('sha256').update(`sandbox ${provider}`).digest()
}

const nonceBytes = 12
const tagBytes = 16

/** Another text each time, for the same content. */
export function encryptContent(provider: ProviderName, content: unknown): string {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', keyOf(provider), nonce)
  const body = Buffer.concat([cipher.update(JSON.stringify(content)), cipher.final()])
  return `gAAAAAB${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')}`
}

/** Null when another made it, or it is damaged. */
export function decryptContent(provider: ProviderName, text: string): { content: unknown } | null {
  if (!text.startsWith('gAAAAAB')) return null
  const bytes = Buffer.from(text.slice('gAAAAAB'.length), 'base64url')
  if (bytes.length < nonceBytes + tagBytes) return null
  const decipher = createDecipheriv('aes-256-gcm', keyOf(provider), bytes.subarray(0, nonceBytes))
  decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes))
  try {
    const body = Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()])
    return { content: JSON.parse(body.toString()) }
  } catch {
    return null
  }
}

/** What the model sees of an item: the thoughts and the contexts that only this provider can read, opened. */
export function openItem(provider: ProviderName, item: JsonObject): JsonObject[] {
  const { type, encrypted_content: encrypted } = item
  const found = typeof encrypted === 'string' ? decryptContent(provider, encrypted) : null
  if (found === null) return [item]
  if (type === 'compaction') return Array.isArray(found.content) ? found.content.filter(isObject) : [item]
  const isSilent = !Array.isArray(item.summary) || item.summary.length === 0
  return isSilent ? [{ ...item, content: [{ type: 'reasoning_text', text: found.content }] }] : [item]
}
