/** `/admin/status`: what runs here. */
import Type, { type Static } from 'typebox'
import { count, moment, nullable } from './kinds.ts'

export const AdminStoreStatus = Type.Object(
  {
    problem: nullable(
      Type.String({ description: 'Why it cannot be written, and what to do; null while it can.' }),
    ),
    warning: nullable(Type.String({ description: 'What to change, though all works.' })),
    used_bytes: nullable(
      count('Of what is in it, what is kept for clients included; null before it was first measured.'),
    ),
    limit_bytes: nullable(count('Past these the oldest of the log goes early; null: no limit.')),
    oldest_row_at: nullable(moment('Of the oldest request; null when there is none.')),
    oldest_body_at: nullable(moment('Of the oldest headers and bodies.')),
    rows_queued: count('Log rows of this process that wait to be written.'),
    bodies_dropped: count(
      'Requests of this process whose row was kept without the bodies, as the queue was full.',
    ),
  },
  { title: 'AdminStoreStatus', description: 'Sizes and ages are measured about once a minute.' },
)
export type AdminStoreStatus = Static<typeof AdminStoreStatus>

export const AdminStatus = Type.Object(
  {
    version: Type.String(),
    config_source: Type.String({ description: 'Path of the configuration, or `sandbox`.' }),
    sandbox: Type.Boolean(),
    started_at: moment('Of this process.'),
    log_rows_dropped: Type.Integer({
      description: 'Log rows lost since the start because the queue was full or the store refused.',
    }),
    store: AdminStoreStatus,
    providers: Type.Array(
      Type.Object({
        id: Type.String(),
        variant: Type.String(),
        title: Type.String(),
        base_url: Type.String(),
        available: Type.Boolean(),
        missing: Type.Array(Type.String(), { description: 'Environment variables that are not set.' }),
        document: Type.String(),
      }),
    ),
    models: Type.Array(
      Type.Object({
        id: Type.String(),
        targets: Type.Array(
          Type.Object({ provider: Type.String(), model: Type.String(), available: Type.Boolean() }),
        ),
      }),
    ),
  },
  { title: 'AdminStatus' },
)
export type AdminStatus = Static<typeof AdminStatus>
