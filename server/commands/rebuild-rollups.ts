/** `rollups rebuild`: makes sums again from the requests, by asking the gateway that runs. */
import { askGateway, urlOption } from './ask-gateway.ts'
import type { Command, CommandContext } from './command.ts'

/** What `/admin/rollups/rebuild` answers. */
interface Rebuilt {
  hours: number
  mended: number
  incomplete: number
  busy: number
  pending: number
  next: string | null
}

const counts = ['hours', 'mended', 'incomplete', 'busy', 'pending'] as const
type Counts = Record<(typeof counts)[number], number>

/** Hours that are asked for at a time: an answer may take no longer than a client waits for it. */
const hoursAtOnce = 6

export const rebuildRollups: Command = {
  name: 'rollups rebuild',
  summary: 'Makes the sums that charts show again from the requests, where they are wrong or missing.',
  options: [
    {
      flag: '--from',
      value: '<time>',
      summary: 'Whole hours from this one on, e.g. 2026-07-01 (UTC).',
      required: true,
    },
    { flag: '--to', value: '<time>', summary: 'Hours that begin before then.', required: true },
    urlOption,
  ],
  run: rebuildAll,
}

async function rebuildAll(context: CommandContext): Promise<number> {
  const { options, print, complain } = context
  const sums: Counts = { hours: 0, mended: 0, incomplete: 0, busy: 0, pending: 0 }
  const to = options.get('--to')
  let from = options.get('--from')
  for (;;) {
    const answer = await askGateway<Rebuilt>(context, {
      path: '/admin/rollups/rebuild',
      body: { from, to, limit: hoursAtOnce },
    })
    if (typeof answer === 'string') {
      complain(`${answer} ${summarize(sums)} To go on from there: --from ${from}.`)
      return 1
    }
    for (const name of counts) sums[name] += answer[name]
    if (answer.next === null) break
    const day = from?.slice(0, 10)
    from = answer.next
    if (from.slice(0, 10) !== day) print(`${sums.hours} hours so far (--from ${from})`)
  }
  print(summarize(sums))
  return 0
}

function summarize({ hours, mended, incomplete, busy, pending }: Counts): string {
  const left = [
    incomplete > 0 ? ` ${incomplete} hours have no requests any more, or not all, and stay as they are.` : '',
    busy > 0 ? ` ${busy} were too busy: try them again later.` : '',
    pending > 0 ? ` ${pending} are of an older version, and are being counted in the background.` : '',
  ]
  return `${hours} hours made again, ${mended} sums mended.${left.join('')}`
}
