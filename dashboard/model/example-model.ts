import type { AdminStatus } from '../../server/http/admin/contract.ts'

/** A model for an example call: one that can answer and is no wildcard. */
export function chooseExampleModel(status: AdminStatus | null): string {
  const named = (status?.models ?? []).filter(({ id }) => !id.includes('*'))
  const able = named.find(({ targets }) => targets.some(({ available }) => available))
  return (able ?? named[0])?.id ?? 'openai/gpt-oss-120b'
}
