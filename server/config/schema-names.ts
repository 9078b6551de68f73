/** What names and secrets may hold, and the setting that providers and keys share. */
import type { SchemaNode } from './schema-node.ts'

/** Ids go into paths and headers: never empty, no `/`, no control character, not `.` and nothing with `..`. */
export const ID_PATTERN = '^(?!\\.$)(?!.*\\.\\.)[A-Za-z0-9._-]{1,128}$'

/** Model names go into headers: printable ASCII. */
export const MODEL_PATTERN = '^[!-~](?:[ -~]{0,254}[!-~])?$'

/** Keys and credentials go into headers: printable ASCII without spaces. */
export const SECRET_PATTERN = '^[!-~]+$'

/** What a project key needs to be no guess. */
export const MIN_KEY_LENGTH = 8

export const idNames = {
  pattern: ID_PATTERN,
  description: 'Letters, digits, ".", "_" and "-", at most 128; no "..".',
}

export const unsupportedSchema = {
  type: 'string',
  description:
    'What happens to a field that a provider cannot take. "adapt": it is mapped, clamped, emulated or dropped, and named in x-dragoman-adaptations. "reject": the request is answered 400, naming field and provider.',
  enum: ['adapt', 'reject'],
} as const satisfies SchemaNode
