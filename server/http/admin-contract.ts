/** The shapes of the admin API, for those that still look for them here. */
export type * from './admin/contract.ts'
