/**
 * The admin API's shapes: what `/admin/*` takes and answers, and the dashboard reads. Members are snake_case and stable.
 * Each schema is a value and, under the same name, its type. Every call needs `X-Admin-Key` (open on loopback when no
 * admin key is configured).
 */
export * from './contract-filters.ts'
export * from './contract-overview.ts'
export * from './contract-prices.ts'
export * from './contract-prompts.ts'
export * from './contract-requests.ts'
export * from './contract-sessions.ts'
export * from './contract-spend.ts'
export * from './contract-status.ts'
