/** Every command by its name: `node server/start.mjs <name> [options]`. One line here is all that another one needs. */

import { backup } from './backup.ts'
import type { Command } from './command.ts'
import { rebuildRollups } from './rebuild-rollups.ts'
import { reprice } from './reprice.ts'

export const commands: readonly Command[] = [backup, reprice, rebuildRollups]
