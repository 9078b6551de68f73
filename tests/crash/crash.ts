/** `npm run crash -- --kills 200 [--seed N] [--postgres]`: kills the gateway at random moments and looks for what it lost. */
import { parseArgs } from 'node:util'
import { runCrashes } from './run-crashes.ts'

const { values } = parseArgs({
  options: { kills: { type: 'string' }, seed: { type: 'string' }, postgres: { type: 'boolean' } },
})
const kills = Number(values.kills ?? 200)
const { postgres = false } = values
const seed = Number(values.seed ?? Date.now() % 1_000_000)
if (!(Number.isInteger(kills) && kills > 0 && Number.isInteger(seed))) {
  console.error(
    'Usage: npm run crash -- [--kills N] [--seed N] [--postgres], both whole numbers, kills at least 1.',
  )
  process.exit(1)
}

console.log(`${kills} kills, seed ${seed}`)
const report = await runCrashes({ kills, seed, postgres, log: (line) => console.log(line) })
console.log('Nothing acknowledged was lost.')
printCounts('Kills by moment:', report.kills)
printCounts('Who was killed:', report.victims)
printCounts('Calls answered, by client:', report.acts)

function printCounts(title: string, counts: Record<string, number>): void {
  console.log(title)
  for (const [name, count] of Object.entries(counts).sort()) console.log(`  ${name}: ${count}`)
}
