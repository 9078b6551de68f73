/** `/admin/rollups/rebuild`: making sums again. */
import Type, { type Static } from 'typebox'
import { count, nullable, text, time } from './kinds.ts'

export const AdminRebuildBody = Type.Object({
  from: time('Sums of the hour of this time, and later.'),
  to: time('Of hours that begin before this time.'),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 168, description: 'Hours to make again. Default 24.' }),
  ),
})
export type AdminRebuildBody = Static<typeof AdminRebuildBody>

export const AdminRebuilt = Type.Object(
  {
    hours: count('Hours that were made again, with their days.'),
    mended: count('Sums that were wrong or missing, and are right now.'),
    incomplete: count('Hours whose requests are gone, wholly or in part: their sums stay as they are.'),
    busy: count('Hours and days in which requests ended all the time: ask for them again later.'),
    pending: count(
      'Hours of an older version that are in no sum yet: they are counted in the background, see `incomplete_before` of the overview.',
    ),
    next: nullable(text('Ask again with it as `from`; null when all is done.')),
  },
  { title: 'AdminRebuilt' },
)
export type AdminRebuilt = Static<typeof AdminRebuilt>
