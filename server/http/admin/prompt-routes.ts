/** `/admin/prompts`: the prompt templates. */
import Type from 'typebox'
import { GatewayError } from '../../errors.ts'
import type { PromptEntry, PromptLibrary } from '../../gateway/prompt-library.ts'
import { checkTemplate, type PromptTemplate } from '../../gateway/prompt-template.ts'
import {
  AdminPrompt,
  AdminPromptAdded,
  AdminPromptBody,
  AdminPromptDefaultBody,
  AdminPromptDeleted,
  AdminPromptList,
  type AdminPromptSummary,
  AdminPromptVersionBody,
} from './contract.ts'
import { type AdminRoute, defineRoute } from './route.ts'

const id = Type.String({ description: 'The prompt.' })
const byId = Type.Object({ id })
const byVersion = Type.Object({ id, version: Type.String({ description: 'One of its versions.' }) })

export interface PromptRoutesDependencies {
  prompts: PromptLibrary
}

export function createPromptRoutes({ prompts }: PromptRoutesDependencies): AdminRoute[] {
  return [...readingRoutes(prompts), ...addingRoutes(prompts), ...changingRoutes(prompts)]
}

function readingRoutes(prompts: PromptLibrary): AdminRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/admin/prompts',
      summary: 'The prompt templates.',
      answer: AdminPromptList,
      handler: () => ({ data: prompts.list().map(summarise) }),
    }),
    defineRoute({
      method: 'GET',
      path: '/admin/prompts/{id}',
      summary: 'One prompt with its versions.',
      params: byId,
      answer: AdminPrompt,
      errors: ['not_found'],
      handler: ({ params }) => showPrompt(requirePrompt(prompts, params.id)),
    }),
  ]
}

function addingRoutes(prompts: PromptLibrary): AdminRoute[] {
  async function add(body: AdminPromptBody): Promise<AdminPromptAdded> {
    const { entry, version } = await prompts.add({
      id: body.id ?? null,
      template: readTemplate(body.template),
      makeDefault: body.default === true,
    })
    return { ...showPrompt(entry), version }
  }
  return [
    defineRoute({
      method: 'POST',
      path: '/admin/prompts',
      summary: 'Adds a prompt, or a version to the one of the given id.',
      body: AdminPromptBody,
      answer: AdminPromptAdded,
      status: 201,
      handler: ({ body }) => add(body),
    }),
    defineRoute({
      method: 'POST',
      path: '/admin/prompts/{id}/versions',
      summary: 'Adds a version to a prompt.',
      params: byId,
      body: AdminPromptVersionBody,
      answer: AdminPromptAdded,
      status: 201,
      errors: ['not_found'],
      async handler({ params, body }) {
        await prompts.refresh()
        return add({ ...body, id: requirePrompt(prompts, params.id).id })
      },
    }),
  ]
}

function changingRoutes(prompts: PromptLibrary): AdminRoute[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/admin/prompts/{id}/default',
      summary: 'Makes a version the one that is taken when a request names none.',
      params: byId,
      body: AdminPromptDefaultBody,
      answer: AdminPrompt,
      errors: ['not_found'],
      handler: async ({ params, body }) => showPrompt(await prompts.setDefault(params.id, body.version)),
    }),
    defineRoute({
      method: 'DELETE',
      path: '/admin/prompts/{id}',
      summary: 'Removes a prompt with all its versions.',
      params: byId,
      answer: AdminPromptDeleted,
      errors: ['not_found'],
      handler: ({ params }) => remove(prompts, params.id, null),
    }),
    defineRoute({
      method: 'DELETE',
      path: '/admin/prompts/{id}/versions/{version}',
      summary: 'Removes a version of a prompt.',
      params: byVersion,
      answer: AdminPromptDeleted,
      errors: ['not_found'],
      handler: ({ params }) => remove(prompts, params.id, params.version),
    }),
  ]
}

async function remove(
  prompts: PromptLibrary,
  id: string,
  version: string | null,
): Promise<AdminPromptDeleted> {
  await prompts.remove(id, version)
  return { id, version, deleted: true }
}

function readTemplate(written: unknown): PromptTemplate {
  try {
    return checkTemplate(written)
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    const param = error.param === null ? 'template' : `template.${error.param}`
    throw new GatewayError('invalid_request', error.message, { param })
  }
}

function requirePrompt(prompts: PromptLibrary, id: string): PromptEntry {
  const entry = prompts.get(id)
  if (entry !== null) return entry
  throw new GatewayError('not_found', `There is no prompt with the id '${id.slice(0, 128)}'.`, {
    param: 'id',
  })
}

function summarise({ id, source, defaultVersion, versions }: PromptEntry): AdminPromptSummary {
  const chosen = versions.find(({ version }) => version === defaultVersion)
  return {
    id,
    source,
    default_version: defaultVersion,
    versions: versions.map(({ version }) => version),
    description: chosen?.template.description ?? null,
  }
}

function showPrompt({ id, source, defaultVersion, versions }: PromptEntry): AdminPrompt {
  return {
    id,
    source,
    default_version: defaultVersion,
    versions: versions.map(({ version, createdAt, template }) => ({
      version,
      created_at: createdAt === null ? null : new Date(createdAt).toISOString(),
      template,
    })),
  }
}
