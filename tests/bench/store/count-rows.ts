/** The sums of made rows, as the gateway would have kept them: minutes of the last days alone, hours and days of all. */
import type { Driver, Statement } from '../../../server/store/engine/driver.ts'
import { RollupCells, writeCells } from '../../../server/store/log/rollup-cells.ts'
import type { CountedRow } from '../../../server/store/log/rollup-row.ts'
import { longPeriods, periods } from '../../../server/store/log/rollup-schema.ts'
import { SpendCells } from '../../../server/store/log/rollup-spend-days.ts'
import { sessionStatements } from '../../../server/store/log/session-writes.ts'
import { toValue } from './fill-sqlite.ts'
import type { MadeRow } from './rows.ts'

/** As the configuration's default. */
const minuteDays = 7

const statementsAtOnce = 5000

/** `now`: of the newest row, in Unix milliseconds. */
export async function countRows(driver: Driver, rows: Iterable<MadeRow>, now: number): Promise<void> {
  let day = 0
  let counted: CountedRow[] = []
  for (const row of rows) {
    const of = Math.floor(row.created_at / periods.day)
    if (of !== day) {
      await write(driver, counted, now)
      counted = []
      day = of
    }
    counted.push(toCounted(row))
  }
  await write(driver, counted, now)
}

function toCounted(row: MadeRow): CountedRow {
  return { ...row, stream: toValue(row.stream) }
}

async function write(driver: Driver, rows: readonly CountedRow[], now: number): Promise<void> {
  const newest = rows.at(-1)
  if (newest === undefined) return
  const cells = new RollupCells()
  const spend = new SpendCells()
  for (const row of rows) {
    cells.add(row)
    spend.add(row)
  }
  const isRecent = Number(newest.created_at) > now - minuteDays * periods.day
  const kept = cells.list(isRecent ? undefined : longPeriods)
  const statements: Statement[] = [
    ...writeCells(kept, driver.dialect),
    ...spend.statements({ dialect: driver.dialect }),
    // No made request is the first of a chain, for which the gateway asks with every lone one.
    ...sessionStatements(
      rows.filter((row) => row.session_id !== null),
      driver.dialect,
    ),
  ]
  for (let at = 0; at < statements.length; at += statementsAtOnce)
    await driver.batch(statements.slice(at, at + statementsAtOnce))
}
