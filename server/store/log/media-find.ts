/** Finds pictures, files and recordings in the text of a body: base64 in strings of JSON, whole or in a data: URL. */

/** Characters of base64 from which it is taken out of a body: 3 KB of content. */
export const smallestMedia = 4096

/** A stretch of a body. */
export interface FoundMedia {
  /** What a reference takes the place of: the base64, with what makes it a data: URL. */
  start: number
  end: number
  /** The base64 alone, as it stands in the body. */
  encoded: Buffer
  /** The media type that a data: URL names; null without one. */
  mediaType: string | null
}

const plus = 0x2b
const slash = 0x2f
const equals = 0x3d
const backslash = 0x5c
const quote = 0x22

const isBase64 = new Uint8Array(256)
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789')
  isBase64[character.charCodeAt(0)] = 1
isBase64[plus] = isBase64[slash] = isBase64[equals] = 1

/** Bytes before the base64 in which a data: URL begins, or the member's name stands. */
const lookBack = 256
const dataUrl = /data:([\w.+-]{1,80}\\?\/[\w.+-]{1,80})?(?:;[^;,"\s]{1,80}){0,4};base64,$/i
/** Members that hold base64 alone, in the dialects that providers speak. Sealed reasoning is text of theirs and stays. */
const bareMember =
  /"(?:file_data|data|result|b64_json|partial_image_b64|base64|bytes)\\{0,4}"\s{0,8}:\s{0,8}\\{0,4}"$/

/** In the order in which they stand. Base64 that goes on where the bytes end is none when the body was `truncated`. */
export function* findMedia(bytes: Buffer, truncated: boolean): Generator<FoundMedia> {
  let searched = 0
  // A stretch that is long enough covers one of the places looked at, so all else is passed over in large steps.
  let position = smallestMedia - 1
  while (position < bytes.length) {
    if (!isPart(bytes, position)) {
      position += smallestMedia
      continue
    }
    let start = position
    while (start > searched && isPart(bytes, start - 1)) start -= 1
    let end = position + 1
    while (end < bytes.length && isPart(bytes, end)) end += 1
    searched = end
    position = end + smallestMedia - 1
    const isWhole = end < bytes.length || !truncated
    if (end - start < smallestMedia || !isWhole) continue
    const found = describe(bytes, start, end)
    if (found !== null) yield found
  }
}

/** JSON may write a slash as `\/`. */
function isPart(bytes: Buffer, index: number): boolean {
  const byte = bytes[index] as number
  return isBase64[byte] === 1 || (byte === backslash && bytes[index + 1] === slash)
}

function describe(bytes: Buffer, start: number, end: number): FoundMedia | null {
  const before = bytes.toString('latin1', Math.max(0, start - lookBack), start)
  const encoded = bytes.subarray(start, end)
  const url = dataUrl.exec(before)
  if (url !== null) {
    const mediaType = url[1]?.replace('\\', '').toLowerCase() ?? null
    return { start: start - url[0].length, end, encoded, mediaType }
  }
  return bareMember.test(before) && endsString(bytes, end) ? { start, end, encoded, mediaType: null } : null
}

function endsString(bytes: Buffer, end: number): boolean {
  while (bytes[end] === backslash) end += 1
  return bytes[end] === quote
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** The content; null when it is not what an encoder writes, so that what stands in its place would say something else. */
export function decodeMedia(encoded: Buffer): Buffer | null {
  const text = encoded.toString('latin1').replaceAll('\\', '')
  const padding = text.indexOf('=')
  const length = padding === -1 ? text.length : padding
  const rest = length % 4
  if (rest === 1 || !/^={0,2}$/.test(text.slice(length, length + 3))) return null
  if (padding !== -1 && text.length % 4 !== 0) return null
  // The last character has bits to spare, which are 0.
  const last = alphabet.indexOf(text[length - 1] ?? '')
  if ((rest === 2 && (last & 15) !== 0) || (rest === 3 && (last & 3) !== 0)) return null
  return Buffer.from(text, 'base64')
}

const signatures: readonly (readonly [offset: number, bytes: string, mediaType: string])[] = [
  [0, '\x89PNG\r\n\x1a\n', 'image/png'],
  [0, '\xff\xd8\xff', 'image/jpeg'],
  [0, 'GIF8', 'image/gif'],
  [8, 'WEBP', 'image/webp'],
  [8, 'WAVE', 'audio/wav'],
  [4, 'ftypavif', 'image/avif'],
  [4, 'ftyp', 'video/mp4'],
  [0, '%PDF-', 'application/pdf'],
  [0, 'ID3', 'audio/mpeg'],
  [0, '\xff\xfb', 'audio/mpeg'],
  [0, 'OggS', 'audio/ogg'],
  [0, 'fLaC', 'audio/flac'],
  [0, '\x1a\x45\xdf\xa3', 'video/webm'],
  [0, 'PK\x03\x04', 'application/zip'],
]

/** What the content itself says that it is, else what was said of it. Office documents are zip files that say more. */
export function typeOfMedia(content: Buffer, said: string | null): string {
  const head = content.toString('latin1', 0, 16)
  const known = signatures.find(([offset, bytes]) => head.startsWith(bytes, offset))?.[2] ?? null
  const isNarrower = known === 'application/zip' || known === 'video/mp4' || known === 'video/webm'
  return (isNarrower ? (said ?? known) : (known ?? said)) ?? 'application/octet-stream'
}
