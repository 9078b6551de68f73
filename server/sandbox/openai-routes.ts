/** `POST /responses/compact` and `POST /responses/input_tokens`, as OpenAI documents them. */
import { isObject, type JsonObject } from '../../translators/shared/canonical.ts'
import { countInput } from './answers.ts'
import { type Desk, makeId } from './desk.ts'
import { openaiInvalid, openaiModels, openaiRefusal, openaiRules } from './openai-rules.ts'
import { contextItems, readRequest } from './read-request.ts'
import { encryptContent } from './secrets.ts'
import { refuseThoughts } from './thoughts.ts'
import type { Call, Reply, SimulatedProvider } from './types.ts'
import { checkBody, type Rules } from './validate.ts'
import { unixNow } from './wire.ts'

const {
  model,
  input,
  instructions,
  previous_response_id,
  conversation,
  prompt_cache_key,
  prompt_cache_options,
  prompt_cache_retention,
  service_tier,
  image,
  parallel_tool_calls,
  reasoning,
  text,
  tool_choice,
  tools,
  truncation,
} = openaiRules

const compactRules: Rules = {
  model,
  input,
  instructions,
  previous_response_id,
  prompt_cache_key,
  prompt_cache_options,
  prompt_cache_retention,
  service_tier,
  image,
}

const countRules: Rules = {
  model,
  input,
  instructions,
  previous_response_id,
  conversation,
  parallel_tool_calls,
  reasoning,
  text,
  tool_choice,
  tools,
  truncation,
}

/** Null for any other path. */
export function answerSideRoute(
  provider: SimulatedProvider,
  path: string,
  call: Call,
  desk: Desk,
): Reply | null {
  const rules = { '/responses/compact': compactRules, '/responses/input_tokens': countRules }[path]
  if (rules === undefined) return null
  const refused = refuse(call, desk, rules)
  if (refused) return refused
  const context = contextItems(provider, call, desk)
  const count = countInput(readRequest(provider, call, context))
  if (rules === countRules)
    return { kind: 'json', status: 200, body: { object: 'response.input_tokens', input_tokens: count } }
  return { kind: 'json', status: 200, body: compact(provider, context, count) }
}

function refuse(call: Call, desk: Desk, rules: Rules): Reply | null {
  const { body } = call
  const [problem] = checkBody(body, rules)
  if (problem) return openaiRefusal(problem)
  if (!openaiModels.some((known) => known === body.model))
    return openaiInvalid(`The requested model '${body.model}' does not exist.`, 'model', 'model_not_found')
  const previous = body.previous_response_id
  if (typeof previous === 'string' && !desk.responses.has(previous))
    return openaiInvalid(
      `Previous response with id '${previous}' not found.`,
      'previous_response_id',
      'previous_response_not_found',
    )
  return refuseThoughts(call, 'openai')
}

/** All messages of the user, then one item that holds the whole context for this provider alone. */
function compact(provider: SimulatedProvider, context: JsonObject[], count: number): JsonObject {
  const spoken = context.filter(({ type = 'message', role }) => type === 'message' && role === 'user')
  const messages = spoken.map(({ content }) => ({
    id: makeId('msg'),
    type: 'message',
    status: 'completed',
    role: 'user',
    content: typeof content === 'string' ? [{ type: 'input_text', text: content }] : content,
  }))
  const encrypted_content = encryptContent(provider.name, context)
  return {
    id: makeId('resp', 24),
    object: 'response.compaction',
    created_at: unixNow(),
    output: [...messages, { id: makeId('cmp'), type: 'compaction', encrypted_content }],
    usage: {
      input_tokens: count,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: context.length,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: count + context.length,
    },
  }
}

/** What an input that ends in a trigger is answered with: one item for all of it. Null for any other input. */
export function compactOnTrigger({ body }: Call): JsonObject[] | null {
  const input = Array.isArray(body.input) ? body.input.filter(isObject) : []
  if (input.at(-1)?.type !== 'compaction_trigger') return null
  const encrypted_content = encryptContent('openai', input.slice(0, -1))
  return [{ id: makeId('cmp'), type: 'compaction', encrypted_content }]
}
