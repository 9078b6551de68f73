import assert from 'node:assert/strict'
import { test } from 'node:test'
import { translators } from '../../translators/index.ts'
import { canonicalFields } from '../../translators/shared/contract-fields.ts'
import { renderSupportMatrix } from '../../translators/shared/support-matrix.ts'

const matrix = renderSupportMatrix(Object.values(translators))

test('the matrix has a row for every field and a column for every variant', () => {
  const rows = matrix.split('\n').filter((line) => line.startsWith('| '))
  assert.equal(rows.length, canonicalFields.length + 2)
  for (const row of rows) assert.equal(row.split(' | ').length, Object.keys(translators).length + 1, row)
  assert.equal(matrix.includes('?'), false)
  assert.match(matrix, /\| `max_output_tokens` \| ● ≥ 16 \|/)
  assert.match(matrix, /≤ 8000|1\.\.8000/)
})
