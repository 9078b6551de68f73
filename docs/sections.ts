/** The generated sections of README.md: the name of each one's markers, and what stands between them. */
import { translators } from '../translators/index.ts'
import { renderSupportMatrix } from '../translators/shared/support-matrix.ts'
import { renderConfigurationTable } from './configuration-table.ts'
import { replaceSection } from './replace-section.ts'

const sections: Readonly<Record<string, () => string>> = {
  configuration: renderConfigurationTable,
  'support-matrix': () => renderSupportMatrix(Object.values(translators)),
}

/** The README with every generated section as it should be. */
export function renderSections(readme: string): string {
  return Object.entries(sections).reduce(
    (text, [name, render]) => replaceSection(text, name, render()),
    readme,
  )
}
