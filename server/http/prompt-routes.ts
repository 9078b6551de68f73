/** `/admin/prompts`: the prompt templates; shapes in admin-contract.ts. */
import type { Context } from 'koa'
import { isObject, type JsonObject } from '../../translators/shared/canonical.ts'
import type { Runtime } from '../config/runtime.ts'
import { ID_PATTERN } from '../config/schema-names.ts'
import { GatewayError } from '../errors.ts'
import type { PromptEntry, PromptLibrary } from '../gateway/prompt-library.ts'
import { checkTemplate, type PromptTemplate } from '../gateway/prompt-template.ts'
import {
  checkBoolean,
  checkString,
  describeValue,
  describeWord,
  isAbsent,
  refuse,
} from '../gateway/validate-request-checks.ts'
import type {
  AdminPrompt,
  AdminPromptAdded,
  AdminPromptDeleted,
  AdminPromptSummary,
} from './admin-contract.ts'
import { authenticateAdmin } from './authenticate.ts'
import { parseBody } from './parse-body.ts'
import { readBody } from './read-body.ts'

export interface PromptRoutesDependencies {
  runtime(): Runtime
  prompts: PromptLibrary
}

/** The handlers of `/admin/prompts`. */
export function createPromptRoutes({ runtime, prompts }: PromptRoutesDependencies) {
  function authorise(ctx: Context): void {
    authenticateAdmin({ runtime: runtime(), adminKey: ctx.get('x-admin-key') || undefined })
    ctx.set('cache-control', 'no-store')
  }
  async function readMembers(ctx: Context, known: readonly string[]): Promise<JsonObject> {
    const { bodyBytes: limit, bodyIdleTimeout: idleTimeout } = runtime().limits
    return checkMembers(
      parseBody(await readBody(ctx.req, { limit, idleTimeout }), ctx.get('content-type')),
      known,
    )
  }
  async function add(ctx: Context, body: JsonObject, id: string | null): Promise<void> {
    const makeDefault = !isAbsent(body.default) && checkBoolean(body.default, 'default')
    const { entry, version } = await prompts.add({ id, template: readTemplate(body.template), makeDefault })
    ctx.status = 201
    ctx.body = { ...showPrompt(entry), version } satisfies AdminPromptAdded
  }
  return {
    list(ctx: Context): void {
      authorise(ctx)
      ctx.body = { data: prompts.list().map(summarise) }
    },
    get(ctx: Context): void {
      authorise(ctx)
      ctx.body = showPrompt(requirePrompt(prompts, readId(ctx)))
    },
    async create(ctx: Context): Promise<void> {
      authorise(ctx)
      const body = await readMembers(ctx, ['id', 'template', 'default'])
      await add(ctx, body, isAbsent(body.id) ? null : checkId(body.id))
    },
    async addVersion(ctx: Context): Promise<void> {
      authorise(ctx)
      const body = await readMembers(ctx, ['template', 'default'])
      await prompts.refresh()
      await add(ctx, body, requirePrompt(prompts, readId(ctx)).id)
    },
    async setDefault(ctx: Context): Promise<void> {
      authorise(ctx)
      const { version } = await readMembers(ctx, ['version'])
      ctx.body = showPrompt(
        await prompts.setDefault(readId(ctx), checkString(version, 'version', { min: 1 })),
      )
    },
    async delete(ctx: Context): Promise<void> {
      authorise(ctx)
      const id = readId(ctx)
      const version = ctx.params.version === undefined ? null : String(ctx.params.version)
      await prompts.remove(id, version)
      ctx.body = { id, version, deleted: true } satisfies AdminPromptDeleted
    },
  }
}

/** A member that is not known is an error: ignored, it would look as if it had been kept. */
function checkMembers(body: unknown, known: readonly string[]): JsonObject {
  if (!isObject(body)) refuse(null, `The body must be a JSON object; got ${describeValue(body)}.`)
  const unknown = Object.keys(body).find((name) => !known.includes(name))
  if (unknown !== undefined) {
    refuse(
      unknown.slice(0, 64),
      `There is no member ${describeWord(unknown)} here. Known: ${known.join(', ')}.`,
    )
  }
  return body
}

function checkId(id: unknown): string {
  const pattern = new RegExp(ID_PATTERN)
  return checkString(id, 'id', {
    min: 1,
    max: 128,
    pattern,
    allowed: 'letters, digits, ".", "_" and "-", and no ".."',
  })
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

function readId(ctx: Context): string {
  return String(ctx.params.id)
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
