import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { translators } from '../../translators/index.ts'
import { canonicalFields } from '../../translators/shared/contract-fields.ts'
import { matrixMarkers, renderSupportMatrix, replaceMatrix } from '../../translators/shared/support-matrix.ts'

const matrix = renderSupportMatrix(Object.values(translators))

test("README's support matrix is that of the tables", () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  assert.equal(readme, replaceMatrix(readme, matrix), 'stale: run `node docs/write-support-matrix.ts`')
})

test('the matrix has a row for every field and a column for every variant', () => {
  const rows = matrix.split('\n').filter((line) => line.startsWith('| '))
  assert.equal(rows.length, canonicalFields.length + 2)
  for (const row of rows) assert.equal(row.split(' | ').length, Object.keys(translators).length + 1, row)
  assert.equal(matrix.includes('?'), false)
  assert.match(matrix, /\| `max_output_tokens` \| ● ≥ 16 \|/)
  assert.match(matrix, /≤ 8000|1\.\.8000/)
})

test('a document without the markers is told so', () => {
  assert.throws(() => replaceMatrix('nothing', matrix), new RegExp(matrixMarkers.start))
})
