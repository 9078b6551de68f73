import type { Context } from 'koa'
import { listModels, resolveModel } from '../config/resolve-model.ts'
import type { Runtime } from '../config/runtime.ts'
import { GatewayError } from '../errors.ts'
import { authenticate } from './authenticate.ts'

/** A model as `GET /v1/models` tells it. */
interface ModelObject {
  id: string
  object: 'model'
  /** Unix seconds; when the gateway started, since a configuration has no dates. */
  created: number
  owned_by: string
}

/** `GET /v1/models` and `GET /v1/models/{id}`, ids with slashes encoded or plain. */
export function createModelRoutes({ runtime }: { runtime(): Runtime }) {
  const created = Math.floor(Date.now() / 1000)

  function authorise(ctx: Context): Runtime {
    const current = runtime()
    authenticate({
      runtime: current,
      authorization: ctx.req.headers.authorization,
      adminKey: ctx.get('x-admin-key') || undefined,
      projectHeader: ctx.get('x-project-id') || undefined,
    })
    return current
  }
  function describe(id: string): ModelObject {
    return {
      id,
      object: 'model',
      created,
      owned_by: id.includes('/') ? (id.split('/')[0] as string) : 'dragoman',
    }
  }
  return {
    list(ctx: Context): void {
      const current = authorise(ctx)
      const data = listModels(current)
        .filter((model) => model.available)
        .map((model) => describe(model.id))
      ctx.body = { object: 'list', data }
    },
    get(ctx: Context): void {
      const current = authorise(ctx)
      const id = readId(ctx.path)
      if (resolveModel(current, id) === null) {
        throw new GatewayError(
          'model_not_found',
          `The model '${id.slice(0, 80)}' is not configured here. GET /v1/models lists what is.`,
          {
            param: 'model',
          },
        )
      }
      ctx.body = describe(id)
    },
  }
}

function readId(path: string): string {
  const encoded = path.slice('/v1/models/'.length)
  try {
    return decodeURIComponent(encoded)
  } catch {
    throw new GatewayError('invalid_request', 'The model id in the path is not valid percent-encoding.', {
      param: 'model',
    })
  }
}
