/** Who is killed in a round, and at which moment. */
import type { Random } from './random.ts'
import type { Moment } from './round.ts'
import { type ServerDeath, serverDeaths } from './store-place.ts'

/** When something is killed: at a moment's `count`th time, `wait` milliseconds after it (0: in the same step). */
export interface Trigger {
  moment: Moment | 'call' | 'call ended' | 'start' | 'check' | 'time'
  count: number
  wait: number
  /** The gateway, or the server of its database and how that goes. */
  victim: 'gateway' | ServerDeath
  /** Milliseconds for which a server is away. */
  absence: number
}

export function chooseTrigger(random: Random, hasServer: boolean): Trigger {
  const moment = random.pick([
    'event',
    'event',
    'ended',
    'ended',
    'accepted',
    'call',
    'call ended',
    'call ended',
    'start',
    'check',
    'time',
  ] as const)
  const wait =
    moment === 'time'
      ? random.integer(50, random.pick([600, 3000]))
      : random.pick([0, 0, random.integer(1, 12)])
  const count = random.integer(1, random.pick(most[moment] ?? [1]))
  if (!hasServer) return { moment, count, wait, victim: 'gateway', absence: 0 }
  const victim = random.chance(0.5) ? 'gateway' : random.pick(serverDeaths)
  // Shorter and longer than writes of state are tried again.
  return { moment, count, wait, victim, absence: random.integer(0, random.pick([10, 1000, 4000])) }
}

/** Up to how many times a moment may come before the one that counts: some kills early, some in full traffic. */
const most: Partial<Record<Trigger['moment'], number[]>> = {
  event: [60, 600],
  ended: [10, 60],
  accepted: [3, 8],
  call: [15, 80],
  'call ended': [15, 60],
  start: [15],
}

export interface Killer {
  /** Gets the way to kill as soon as there is one. */
  take(kill: () => void): void
  /** From now on moments count. */
  arm(): void
  say(moment: Trigger['moment']): void
  fired(): boolean
}

export function createKiller({ moment, count, wait }: Trigger): Killer {
  let kill = () => {}
  let armed = false
  let seen = 0
  return {
    take(next) {
      kill = next
      // In the middle of opening its store, or a little later.
      if (moment === 'start') setTimeout(kill, 40 * count)
    },
    arm() {
      armed = true
    },
    say(said) {
      if (!armed || said !== moment || ++seen !== count) return
      if (wait === 0) kill()
      else setTimeout(kill, wait)
    },
    fired: () => moment === 'start' || moment === 'check' || moment === 'time' || seen >= count,
  }
}
