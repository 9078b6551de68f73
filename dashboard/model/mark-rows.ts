/** Which lines of a comparison an adaptation speaks of, and which unchanged lines can be folded away. */

import type { AdminAdaptation } from '../../server/http/admin/contract.ts'
import type { DiffRow } from './json-diff.ts'

/** Row index → adaptations whose field stands on that line. */
export type Marks = Map<number, AdminAdaptation[]>

/** A field that stands nowhere is marked at its nearest parent that does; one without any stays unmarked. */
export function markRows(rows: DiffRow[], adaptations: AdminAdaptation[]): Marks {
  const firstRow = new Map<string, number>()
  rows.forEach((row, index) => {
    for (const side of [row.left, row.right]) {
      if (side && !firstRow.has(side.path)) firstRow.set(side.path, index)
    }
  })
  const marks: Marks = new Map()
  for (const adaptation of adaptations) {
    const index = findNearest(firstRow, adaptation.field)
    if (index !== null) marks.set(index, [...(marks.get(index) ?? []), adaptation])
  }
  return marks
}

function findNearest(firstRow: Map<string, number>, field: string): number | null {
  for (let path = field; path !== ''; path = cutLastStep(path)) {
    const index = firstRow.get(path)
    if (index !== undefined) return index
  }
  return null
}

function cutLastStep(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('.'), path.lastIndexOf('['), 0))
}

/** Rows to show as they are, or a run of unchanged ones that a button unfolds. */
export type Section = { folded: boolean; from: number; to: number }

/** Shorter comparisons are shown whole. */
const foldedFrom = 150

/** Folds unchanged runs of more than `threshold` rows, all but `around` rows next to a change or mark. */
export function foldRows(
  rows: DiffRow[],
  marks: Marks,
  { around = 4, threshold = 14 }: { around?: number; threshold?: number } = {},
): Section[] {
  if (rows.length < foldedFrom) return rows.length === 0 ? [] : [{ folded: false, from: 0, to: rows.length }]
  const near = new Uint8Array(rows.length)
  rows.forEach((row, index) => {
    if (row.kind === 'same' && !marks.has(index)) return
    near.fill(1, Math.max(0, index - around), index + around + 1)
  })
  const sections: Section[] = []
  for (let from = 0; from < rows.length; ) {
    let to = from
    while (to < rows.length && near[to] === near[from]) to++
    const folded = near[from] === 0 && to - from > threshold
    const previous = sections[sections.length - 1]
    if (previous && !previous.folded && !folded) previous.to = to
    else sections.push({ folded, from, to })
    from = to
  }
  return sections
}
