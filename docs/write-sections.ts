/** `npm run docs`: rewrites the generated sections of README.md. */
import { readFileSync, writeFileSync } from 'node:fs'
import { renderSections } from './sections.ts'

const readme = new URL('../README.md', import.meta.url)
writeFileSync(readme, renderSections(readFileSync(readme, 'utf8')))
