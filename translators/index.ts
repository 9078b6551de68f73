/** The registry: variant id → Translator, one line each. The order is that of the support matrix. */
import { deployment } from './deployment/index.ts'
import { generalAugment } from './general-augment/index.ts'
import { openResponses } from './open-responses/index.ts'
import { openai } from './openai/index.ts'
import { sail } from './sail/index.ts'
import { scaleway } from './scaleway/index.ts'
import type { Translator } from './shared/translator.ts'
import { sudo } from './sudo/index.ts'

export const translators: Readonly<Record<string, Translator>> = {
  sail,
  sudo,
  scaleway,
  'general-augment': generalAugment,
  deployment,
  openai,
  'open-responses': openResponses,
}
