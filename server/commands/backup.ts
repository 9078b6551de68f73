/** `backup`: a copy of the store's file, made while the gateway runs or stands still. */

import { backUpSqlite } from '../store/engine/sqlite-backup.ts'
import { parseStoreUrl } from '../store/store-url.ts'
import type { Command, CommandContext } from './command.ts'

export const backup: Command = {
  name: 'backup',
  summary: 'Copies the store of the configuration, checked, also while the gateway runs.',
  options: [
    {
      flag: '--to',
      value: '<file>',
      summary: 'Where to; never over a file that exists. `npm run backup -- <file>` is the same.',
      required: true,
      bare: true,
    },
  ],
  run: backUp,
}

async function backUp({ runtime, options, print, complain }: CommandContext): Promise<number> {
  const { url } = runtime.store
  if (/^postgres(ql)?:/.test(url)) {
    complain(
      'This store is in PostgreSQL, which has its own tools: pg_dump --format=custom --file=<file> "$URL", and ' +
        'pg_restore to bring it back. Its continuous archiving loses less.',
    )
    return 2
  }
  const place = parseStoreUrl(url)
  if (place.kind !== 'file') {
    complain('"store.url" is "sqlite::memory:", which ends with its process; there is nothing to copy.')
    return 2
  }
  const started = performance.now()
  const copied = await backUpSqlite({ path: place.path, target: options.get('--to') ?? '' })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  print(
    `${copied.target}: ${formatBytes(copied.bytes)} of ${place.path}, copied and checked in ${seconds} s. ` +
      'To restore it: stop the gateway, move it to the place of the store and remove the -wal and -shm files there, start.',
  )
  return 0
}

function formatBytes(bytes: number): string {
  if (bytes < 1_000_000) return `${Math.ceil(bytes / 1000)} kB`
  return bytes < 1_000_000_000
    ? `${(bytes / 1_000_000).toFixed(1)} MB`
    : `${(bytes / 1_000_000_000).toFixed(2)} GB`
}
