import type { Target, Translator } from '../../../translators/shared/translator.ts'

/** A target at which the variant's document lets everything be tried. */
export function makeTarget({ id, contract }: Translator, overrides: Partial<Target> = {}): Target {
  return {
    provider: `my-${id}`,
    model: contract.models?.only[0] ?? 'org/upstream-model',
    baseUrl: 'https://provider.example/v1',
    credentials: { apiKey: 'test-key' },
    options: {},
    unsupported: 'adapt',
    ...overrides,
  }
}
