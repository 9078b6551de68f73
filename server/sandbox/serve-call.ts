/** One call at one simulated provider: credentials, route, document's rules, script, answer. */
import type { ServerResponse } from 'node:http'
import type { JsonObject } from '../../translators/shared/canonical.ts'
import type { Desk } from './desk.ts'
import { scriptedModel } from './model.ts'
import { contextItems, readRequest } from './read-request.ts'
import type { Call, RecordedRequest, Reply, Script, SimulatedProvider } from './types.ts'
import { pause, writeCutReply, writeReply, writeStream } from './write-stream.ts'

export interface Served {
  provider: SimulatedProvider
  method: string
  /** What follows the provider's base, e.g. `/responses`. */
  path: string
  call: Call
  /** Whether the body was a JSON object. */
  isJson: boolean
  desk: Desk
  response: ServerResponse
  record: RecordedRequest
}

export async function serveCall(served: Served): Promise<void> {
  const { provider, method, path, call, desk, response, record } = served
  const denied = provider.authenticate(call)
  const refused = denied
    ? provider.failure(denied)
    : (listModels(served) ?? answerElsewhere(served) ?? provider.resource?.(method, path, desk) ?? null)
  if (refused) return writeReply(response, refused, record)
  const route = path.split('?')[0]
  if (route !== '/responses')
    return writeReply(
      response,
      provider.failure({ status: 404, message: `Not found: ${method} ${route}` }),
      record,
    )
  if (method !== 'POST')
    return writeReply(
      response,
      provider.failure({ status: 405, message: `Method ${method} is not allowed.` }),
      record,
    )
  if (!served.isJson)
    return writeReply(
      response,
      provider.failure({ status: 400, message: 'The body is not a JSON object.' }),
      record,
    )
  const wrong = provider.refuse(call, desk)
  return wrong ? writeReply(response, wrong, record) : createResponse(served)
}

function answerElsewhere({ provider, method, path, call, isJson, desk }: Served): Reply | null {
  return method === 'POST' && isJson ? (provider.answer?.(path, call, desk) ?? null) : null
}

function listModels({ provider, method, path }: Served): Reply | null {
  if (method !== 'GET') return null
  const describe = (id: string) => ({ id, object: 'model', created: 1_700_000_000, owned_by: provider.name })
  if (path === '/models')
    return { kind: 'json', status: 200, body: { object: 'list', data: provider.models.map(describe) } }
  const id = decodeURIComponent(/^\/models\/(.+)$/.exec(path)?.[1] ?? '')
  return provider.models.includes(id) ? { kind: 'json', status: 200, body: describe(id) } : null
}

async function createResponse(served: Served): Promise<void> {
  const { provider, call, desk, response, record } = served
  const context = contextItems(provider, call, desk)
  const script = scriptedModel(readRequest(provider, call, context))
  const signal = watchClient(response, record, script)
  if (script.failure) {
    provider.settle?.(call, null, context, desk)
    return writeReply(response, provider.failure(script.failure), record)
  }
  const made = provider.respond(call, script, desk)
  const whole = script.ending !== 'fail' && script.ending !== 'cut'
  if (whole) keepResponse(served, made, context, script.polls)
  provider.begin?.(call, made, desk)
  if (call.body.stream === true) {
    const frames = provider.frames(call, script, made, desk)
    const failed = (sequence: number) => provider.failedFrames(made, sequence)
    await writeStream(response, { frames, script, failed, record, signal })
  } else await answerInJson(served, script, made, signal)
  provider.settle?.(call, whole && !signal.aborted ? made : null, context, desk)
}

async function answerInJson(
  served: Served,
  script: Script,
  made: JsonObject,
  signal: AbortSignal,
): Promise<void> {
  const { provider, call, desk, response, record } = served
  if (script.delay > 0 && call.body.background !== true) await pause(script.delay, signal)
  if (signal.aborted) return
  if (script.ending === 'fail') return writeReply(response, provider.failedReply(made), record)
  const reply = provider.reply?.(call, made, desk) ?? { kind: 'json', status: 200, body: made }
  return script.ending === 'cut'
    ? writeCutReply(response, reply, record)
    : writeReply(response, reply, record)
}

/** Kept where the document lets it be fetched or continued. */
function keepResponse(
  { provider, call, desk }: Served,
  made: JsonObject,
  context: JsonObject[],
  polls: number | null,
): void {
  if (call.body.store === false || !(provider.resource || provider.history)) return
  const isPolled = call.body.background === true && call.body.stream !== true
  desk.keep(made, context, isPolled ? (polls ?? provider.polls?.(desk) ?? 0) : 0)
}

/** Notes a client that goes away before the answer is complete, and tells the writer. */
function watchClient(response: ServerResponse, record: RecordedRequest, script: Script): AbortSignal {
  const controller = new AbortController()
  response.on('error', () => controller.abort())
  response.once('close', () => {
    if (response.writableFinished) return
    if (script.ending !== 'cut') record.aborted = true
    controller.abort()
  })
  return controller.signal
}
