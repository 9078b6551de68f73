/** `/admin/media`: pictures, files and recordings, which bodies refer to. */
import Type from 'typebox'
import { GatewayError } from '../../errors.ts'
import type { AdminQueries } from '../../store/admin-queries.ts'
import { type AdminRoute, defineRoute } from './route.ts'

/** What a browser may show: it runs nothing that stands in one. SVG is a document with scripts. */
const shownTypes: ReadonlySet<string> = new Set([
  'image/png',
  'image/jpeg',
  'image/gif',
  'image/webp',
  'image/avif',
])

export function createMediaRoutes({ queries }: { queries: Pick<AdminQueries, 'getMedia'> }): AdminRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/admin/media/{hash}',
      summary: 'A picture, file or recording out of a body.',
      description:
        'In its place the body says `dragoman-media:sha256:<hash>;type=<media type>;bytes=<size>`. Pictures are shown by browsers, all else is a download.',
      params: Type.Object({
        hash: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'The SHA-256 of the reference.' }),
      }),
      answer: Type.String(),
      contentTypes: ['application/octet-stream', ...shownTypes],
      errors: ['not_found'],
      async handler({ params: { hash }, ctx }) {
        const found = await queries.getMedia(hash)
        if (found === null)
          throw new GatewayError('not_found', `No media has the hash '${hash}', or none any more.`, {
            param: 'hash',
          })
        const isShown = shownTypes.has(found.mediaType)
        // A body may hold anything, and the dashboard's origin holds the admin key.
        ctx.set('x-content-type-options', 'nosniff')
        ctx.set('content-security-policy', "default-src 'none'; sandbox")
        ctx.set(
          'content-disposition',
          isShown ? 'inline' : `attachment; filename="${hash.slice(0, 16)}${extensionOf(found.mediaType)}"`,
        )
        ctx.type = isShown ? found.mediaType : 'application/octet-stream'
        ctx.body = Buffer.from(found.content.buffer, found.content.byteOffset, found.content.byteLength)
        return undefined
      },
    }),
  ]
}

/** So that a download opens in the right program. */
const extensions: Readonly<Record<string, string>> = {
  'application/pdf': '.pdf',
  'application/zip': '.zip',
  'audio/wav': '.wav',
  'audio/mpeg': '.mp3',
  'audio/ogg': '.ogg',
  'audio/flac': '.flac',
  'video/mp4': '.mp4',
  'video/webm': '.webm',
  'text/plain': '.txt',
  'text/csv': '.csv',
  'application/json': '.json',
}

function extensionOf(mediaType: string): string {
  return extensions[mediaType] ?? '.bin'
}
