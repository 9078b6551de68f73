/** Whether the body of an answer is a stream of server-sent events or one document. */

const lineFeed = 10
const byteOrderMark = [0xef, 0xbb, 0xbf]
const fieldNames = ['data', 'event', 'id', 'retry']
/** Characters of the longest field name with the character behind it. */
const enough = 6
/** Bytes of white space before which an answer has to begin. */
const patience = 4096

/**
 * A body that begins like JSON is JSON whatever its content type says, since errors come as JSON under
 * `text/event-stream`; else the content type decides, and a missing or wrong one is settled by how the body begins.
 * @param start the bytes so far, cut anywhere.
 * @returns `unknown` while there are too few of them.
 */
export function detectReply(
  contentType: string | undefined,
  start: Uint8Array,
): 'unknown' | 'stream' | 'document' {
  const begin = skipBlank(start)
  if (begin === null || begin === start.length) return start.length < patience ? 'unknown' : 'document'
  const first = start[begin]
  if (first === 0x7b || first === 0x5b) return 'document'
  if (first === 0x3a || contentType?.toLowerCase().includes('text/event-stream')) return 'stream'
  const head = Buffer.from(start.subarray(begin, begin + enough)).toString('latin1')
  const line = head.split(/[\r\n]/, 1)[0] as string
  const name = line.split(':', 1)[0] as string
  if (name.length < line.length || line.length < head.length)
    return fieldNames.includes(name) ? 'stream' : 'document'
  if (head.length === enough) return 'document'
  return fieldNames.some((known) => known.startsWith(head)) ? 'unknown' : 'document'
}

/** The index behind a byte order mark and white space; null when the mark is cut. */
function skipBlank(start: Uint8Array): number | null {
  let index = 0
  while (index < byteOrderMark.length && start[index] === byteOrderMark[index]) index++
  if (index > 0 && index < byteOrderMark.length) return index === start.length ? null : 0
  while (start[index] === 0x20 || start[index] === 0x09 || start[index] === lineFeed || start[index] === 0x0d)
    index++
  return index
}
