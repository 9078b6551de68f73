/** The registry: variant id → Translator, one line each. */
import type { Translator } from './shared/translator.ts'

export const translators: Readonly<Record<string, Translator>> = {}
