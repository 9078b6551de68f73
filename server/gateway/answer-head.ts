import type { Adaptation } from '../../translators/shared/translator.ts'
import type { Candidate } from './candidates.ts'

/** The headers that say who answered and what was changed on the way there. */
export function renderAnswerHead(
  candidate: Candidate,
  adaptations: readonly Adaptation[],
): Record<string, string> {
  return {
    'x-dragoman-provider': candidate.provider.id,
    'x-dragoman-upstream-model': headerText(candidate.target.model),
    ...renderAdaptations(adaptations),
  }
}

/** The header that says what was changed; none when nothing was. */
export function renderAdaptations(adaptations: readonly Adaptation[]): Record<string, string> {
  if (adaptations.length === 0) return {}
  return { 'x-dragoman-adaptations': headerText(adaptations.map(renderAdaptation).join(', ')) }
}

/** `action:field` or `action:field=detail`. */
export function renderAdaptation({ action, field, detail }: Adaptation): string {
  return detail === '' ? `${action}:${field}` : `${action}:${field}=${detail}`
}

/** Headers carry visible ASCII; 4 KB are enough for any reader and small enough for any proxy. */
function headerText(text: string): string {
  const plain = text.replace(/[^\x20-\x7e]/g, '?')
  return plain.length > 4096 ? `${plain.slice(0, 4093)}...` : plain
}
