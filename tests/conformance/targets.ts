/** Each variant as the sandbox serves it, and where its document lets it differ from the rest. */
export interface VariantTarget {
  variant: string
  /** The provider's id in the sandbox's configuration. */
  provider: string
  /** Addressed directly: `<provider>/<model>`. */
  model: string
  images: 'native' | 'refused'
  /** Whether a model there can break a strict schema: the provider does not enforce it. */
  breaksSchemas: boolean
  /** How a refusal arrives. */
  refusal: 'part' | 'text'
  /** Whether the provider itself streams. */
  streams: boolean
  /** Whether errors other than the documented ones come without a body that says what they are. */
  bareErrors: boolean
}

const usual = {
  images: 'native',
  breaksSchemas: false,
  refusal: 'part',
  streams: true,
  bareErrors: false,
} as const

export const variantTargets: readonly VariantTarget[] = [
  { ...usual, variant: 'sail', provider: 'sail', model: 'sail/deepseek-ai/DeepSeek-V3.2', streams: false },
  { ...usual, variant: 'sudo', provider: 'sudo', model: 'sudo/gpt-4o', bareErrors: true },
  {
    ...usual,
    variant: 'scaleway',
    provider: 'scaleway',
    model: 'scaleway/gpt-oss-120b',
    breaksSchemas: true,
  },
  { ...usual, variant: 'general-augment', provider: 'augment', model: 'augment/balanced' },
  { ...usual, variant: 'deployment', provider: 'azure', model: 'azure/gpt-5.2' },
  { ...usual, variant: 'openai', provider: 'openai', model: 'openai/gpt-5.2' },
  {
    ...usual,
    variant: 'open-responses',
    provider: 'local',
    model: 'local/openai/gpt-oss-20b',
    breaksSchemas: true,
  },
]
