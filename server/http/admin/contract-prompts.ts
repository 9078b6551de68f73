/** `/admin/prompts`: the prompt templates. */
import Type, { type Static } from 'typebox'
import { ID_PATTERN } from '../../config/schema-names.ts'
import { moment, nullable } from './kinds.ts'

const source = Type.Enum(['config', 'store'], {
  description: '`config`: read-only, changed in the configuration. `store`: managed here.',
})

export const AdminPromptSummary = Type.Object(
  {
    id: Type.String(),
    source,
    default_version: Type.String({ description: 'Taken when a request names no version.' }),
    versions: Type.Array(Type.String(), { description: 'The oldest first.' }),
    description: nullable(Type.String({ description: "Of the default version's template." })),
  },
  { title: 'AdminPromptSummary' },
)
export type AdminPromptSummary = Static<typeof AdminPromptSummary>

export const AdminPromptList = Type.Object(
  {
    data: Type.Array(AdminPromptSummary, { description: 'Those of the configuration first, then by id.' }),
  },
  { title: 'AdminPromptList' },
)
export type AdminPromptList = Static<typeof AdminPromptList>

/** A `text`, `image` or `file` that a template leaves open. */
export interface AdminPromptVariable {
  type: 'text' | 'image' | 'file'
  /** Default true. */
  required?: boolean
  /** A string, or an `input_text`, `input_image` or `input_file`. */
  default?: unknown
}

/**
 * Members of a request whose texts (instructions, input) may hold `{{name}}`; beside the ones here: tools, tool_choice,
 * text, reasoning, temperature, max_output_tokens and the like.
 */
export interface AdminPromptTemplate {
  description?: string
  instructions?: string
  input?: unknown
  model?: string
  variables?: Record<string, AdminPromptVariable>
  [member: string]: unknown
}

/** Checked by the rules of the request that it becomes, so its schema says no more than this. */
const template = Type.Unsafe<AdminPromptTemplate>({
  type: 'object',
  title: 'AdminPromptTemplate',
  description:
    'Members of a request (model, instructions, input, tools, text, reasoning, …) whose texts may hold `{{name}}`, with `description` and `variables`.',
})

export const AdminPromptVersion = Type.Object(
  {
    version: Type.String(),
    created_at: nullable(moment('Null in the configuration.')),
    template,
  },
  { title: 'AdminPromptVersion' },
)
export type AdminPromptVersion = Static<typeof AdminPromptVersion>

const promptMembers = {
  id: Type.String(),
  source,
  default_version: Type.String(),
  versions: Type.Array(AdminPromptVersion),
}

export const AdminPrompt = Type.Object(promptMembers, { title: 'AdminPrompt' })
export type AdminPrompt = Static<typeof AdminPrompt>

/** The prompt, and the version that was added: "1", "2", … */
export const AdminPromptAdded = Type.Object(
  { ...promptMembers, version: Type.String() },
  { title: 'AdminPromptAdded' },
)
export type AdminPromptAdded = Static<typeof AdminPromptAdded>

const versionMembers = {
  template,
  default: Type.Optional(
    nullable(
      Type.Boolean({
        description: 'Whether the version becomes the default. The first one is in any case. Default false.',
      }),
    ),
  ),
}

export const AdminPromptBody = Type.Object({
  id: Type.Optional(
    nullable(
      Type.String({
        minLength: 1,
        maxLength: 128,
        pattern: ID_PATTERN,
        description: 'Unless given: a new one. A prompt of this id gets a further version.',
      }),
    ),
  ),
  ...versionMembers,
})
export type AdminPromptBody = Static<typeof AdminPromptBody>

export const AdminPromptVersionBody = Type.Object(versionMembers)
export type AdminPromptVersionBody = Static<typeof AdminPromptVersionBody>

export const AdminPromptDefaultBody = Type.Object({ version: Type.String({ minLength: 1 }) })
export type AdminPromptDefaultBody = Static<typeof AdminPromptDefaultBody>

export const AdminPromptDeleted = Type.Object(
  {
    id: Type.String(),
    version: nullable(Type.String({ description: 'Null: all of them.' })),
    deleted: Type.Literal(true),
  },
  { title: 'AdminPromptDeleted' },
)
export type AdminPromptDeleted = Static<typeof AdminPromptDeleted>
