/** `reprice`: prices requests again, by asking the gateway that runs. */
import { askGateway, urlOption } from './ask-gateway.ts'
import type { Command, CommandContext } from './command.ts'

/** What `/admin/reprice` answers. */
interface Repriced {
  examined: number
  changed: number
  unknown: number
  skipped: number
  difference_usd: string
  next: string | null
}

export const reprice: Command = {
  name: 'reprice',
  summary: 'Prices requests again by the prices of the gateway that runs, of which it asks the admin API.',
  options: [
    {
      flag: '--from',
      value: '<time>',
      summary: 'Requests from then on, e.g. 2026-07-01 (UTC).',
      required: true,
    },
    { flag: '--to', value: '<time>', summary: 'Requests before then.', required: true },
    { flag: '--unpriced', value: null, summary: 'Only those whose cost is not known. This is the default.' },
    { flag: '--all', value: null, summary: 'Those with a cost too: they get the prices of now.' },
    urlOption,
    { flag: '--after', value: '<cursor>', summary: 'Goes on where an earlier call was stopped.' },
  ],
  run: repriceAll,
}

async function repriceAll(context: CommandContext): Promise<number> {
  const { options, print, complain } = context
  if (options.has('--all') && options.has('--unpriced')) {
    complain('Give --all or --unpriced, not both.')
    return 2
  }
  const sums = { examined: 0, changed: 0, unknown: 0, skipped: 0 }
  let nanos = 0n
  let cursor = options.get('--after')
  for (;;) {
    const answer = await ask(context, cursor)
    if (typeof answer === 'string') {
      const resume = cursor === undefined ? '' : ` To go on from there: --after ${cursor}.`
      complain(`${answer} ${summarize(sums, nanos)}${resume}`)
      return 1
    }
    for (const name of ['examined', 'changed', 'unknown', 'skipped'] as const) sums[name] += answer[name]
    nanos += BigInt(answer.difference_usd.replace('.', ''))
    if (answer.next === null) break
    cursor = answer.next
    print(`${sums.examined} requests so far (--after ${cursor})`)
  }
  print(summarize(sums, nanos))
  return 0
}

/** A text says what went wrong. */
function ask(context: CommandContext, cursor: string | undefined): Promise<Repriced | string> {
  const { options } = context
  const which = options.has('--all') ? 'all' : 'unpriced'
  return askGateway<Repriced>(context, {
    path: '/admin/reprice',
    body: { from: options.get('--from'), to: options.get('--to'), which, cursor, limit: 2000 },
    hint: ' with the new prices',
  })
}

function summarize(
  { examined, changed, unknown, skipped }: Omit<Repriced, 'difference_usd' | 'next'>,
  nanos: bigint,
): string {
  const sign = nanos < 0n ? '-' : '+'
  const digits = (nanos < 0n ? -nanos : nanos).toString().padStart(10, '0')
  return (
    `${examined} requests looked at, ${changed} changed (${sign}${digits.slice(0, -9)}.${digits.slice(-9)} USD), ` +
    `${unknown} without a known cost, ${skipped} left as they are.`
  )
}
