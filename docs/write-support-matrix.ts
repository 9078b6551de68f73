/** `node docs/write-support-matrix.ts`: rewrites the support matrix in README.md from the contract tables. */
import { readFileSync, writeFileSync } from 'node:fs'
import { translators } from '../translators/index.ts'
import { renderSupportMatrix, replaceMatrix } from '../translators/shared/support-matrix.ts'

const readme = new URL('../README.md', import.meta.url)
const matrix = renderSupportMatrix(Object.values(translators))
writeFileSync(readme, replaceMatrix(readFileSync(readme, 'utf8'), matrix))
