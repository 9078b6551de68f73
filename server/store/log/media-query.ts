/** One medium, as bodies refer to it. Runs on the reader's thread. */

import type { ReadContext } from './reads.ts'

export interface StoredMedia {
  /** Hex SHA-256 of the content. */
  hash: string
  /** What the content is, as far as it shows by itself, else what the body said. Never trust it for more than a name. */
  mediaType: string
  content: Uint8Array
}

/** By the hash of a reference, `dragoman-media:sha256:<hash>;…`. Null when there is none, or none any more. */
export async function getMedia(
  { driver }: Pick<ReadContext, 'driver'>,
  hash: string,
): Promise<StoredMedia | null> {
  const [row] = await driver.all(
    `SELECT media.media_type, media_contents.content FROM media
      JOIN media_contents ON media_contents.hash = media.hash WHERE media.hash = ?`,
    [hash],
  )
  if (!(row?.content instanceof Uint8Array)) return null
  return { hash, mediaType: String(row.media_type), content: row.content }
}
