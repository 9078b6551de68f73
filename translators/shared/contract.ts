/** Small builders that keep contract tables readable: one line per field. */
import type { CanonicalField } from './contract-fields.ts'
import type { Contract, FieldContract, Limit, Support } from './translator.ts'

/** A whole table: the compiler refuses one that misses a field. */
export type ContractFields = Readonly<Record<CanonicalField, FieldContract>>

/** Rows that an option replaces. */
export type FieldOverrides = Readonly<Partial<Record<CanonicalField, FieldContract>>>

type Extra = Omit<FieldContract, 'support' | 'source'>

/** The source of a row whose field the provider's document does not have. */
export const notDocumented = 'Not in the document.'

function row(support: Support) {
  return (source: string, extra: Extra = {}): FieldContract => ({ support, source, ...extra })
}

/** Sent as it is. */
export const native = row('native')
/** Sent in another form that means the same; `form` says which. */
export const mapped = row('mapped')
/** Done by the gateway. */
export const emulated = row('emulated')
/** Left out and named. */
export const dropped = row('dropped')
/** Cannot be served: the next target is tried. */
export const refused = row('refused')

/** Notes that several tables share. */
export const notes = {
  asFunction: 'as a function of one string, `input`; a grammar is only described',
  otherParts: 'only text, images and files',
  ownCompaction: "the provider's own are sent back to it; those of the gateway it opens itself",
  autoTruncation: '`auto` is done by the gateway; the provider has only `disabled`',
  ownPrompts: 'the gateway fills in its own templates; this is for those that only the provider has',
} as const

/** 16 pairs, keys to 64 and values to 512 characters: the pairs' lengths are checked where the request comes in. */
export const sixteenPairs: Limit = { maxItems: 16 }

/** A contract whose table is complete by type. */
export function defineContract(
  contract: Omit<Contract, 'fields'> & { fields: ContractFields },
): Contract & { fields: ContractFields } {
  return contract
}
