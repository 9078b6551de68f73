/** What a command is: something that the process does in place of serving, under the same configuration. */

import type { CommandSyntax } from '../config/locate.ts'
import type { Runtime } from '../config/runtime.ts'

export type { CommandOption } from '../config/locate.ts'

export interface CommandContext {
  runtime: Runtime
  /** What was given on the command line, by flag. */
  options: ReadonlyMap<string, string>
  /** One line for the user, on standard output. */
  print(line: string): void
  /** One line on what is wrong, on standard error. */
  complain(line: string): void
}

export interface Command extends CommandSyntax {
  /**
   * Resolves with the exit code: 0 done, 1 failed, 2 cannot be done so, and how it can was said. ConfigError and
   * StoreError may be thrown: their message is shown, and the code is 1.
   */
  run(context: CommandContext): Promise<number>
}
