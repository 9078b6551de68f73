/** `/admin/status`: what runs here. */
import Type, { type Static } from 'typebox'
import { moment } from './kinds.ts'

export const AdminStatus = Type.Object(
  {
    version: Type.String(),
    config_source: Type.String({ description: 'Path of the configuration, or `sandbox`.' }),
    sandbox: Type.Boolean(),
    started_at: moment('Of this process.'),
    log_rows_dropped: Type.Integer({
      description: 'Log rows lost since the start because the queue was full or the store refused.',
    }),
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
