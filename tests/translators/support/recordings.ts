/** What the recordings of providers translate to: whole streams and bodies, failures left out. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { JsonObject } from '../../../translators/shared/canonical.ts'
import type { Context } from '../../../translators/shared/translator.ts'
import { makeContext, type Outcome, runBody, runStream } from './translate.ts'

const folder = fileURLToPath(new URL('../../../../shared/recordings/', import.meta.url))

export const recordings: readonly string[] = existsSync(folder)
  ? readdirSync(folder)
      .filter((file) => /\.(json|chunks\.txt)$/.test(file))
      .sort()
  : []

/** The outcome of one recording; `final` is null where the provider failed. */
export function runRecording(file: string, overrides: Partial<Context> = {}): Outcome {
  const text = readFileSync(`${folder}${file}`, 'utf8')
  const context = makeContext(overrides)
  return file.endsWith('.json')
    ? runBody(JSON.parse(text) as JsonObject, { context })
    : runStream(text.split('\n'), { context })
}
