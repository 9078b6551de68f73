/** Every event of the specification's dialect, and the response object, against the specification's own schemas. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { JsonObject } from '../../translators/shared/canonical.ts'
import { closeEvents } from '../../translators/shared/close-events.ts'
import { makeFailure } from '../../translators/shared/failures.ts'
import { replayEvents } from '../../translators/shared/replay-events.ts'
import { buildEcho } from '../../translators/shared/response-object.ts'
import { loadSpecification, specificationFile } from '../support/specification.ts'
import { makeContext, runBody, runStream } from './support/translate.ts'

const specification = loadSpecification()
const folder = fileURLToPath(new URL('../../../shared/recordings/', import.meta.url))
/** Recordings whose items are all of kinds that the specification has. */
const names = /^(lmstudio|xai|github-copilot|vllm|parallel|openai-(phase|reasoning|compaction))/
const isThere = specification !== null && existsSync(folder)
const files = isThere ? readdirSync(folder).filter((file) => names.test(file)) : []

test('the specification is there', (t) => {
  if (!isThere) t.skip(`no specification or recordings: ${specificationFile}, ${folder}`)
  else assert.ok(files.length > 0)
})

function assertValid(events: readonly JsonObject[]): void {
  for (const event of events) specification?.event(event)
}

for (const file of files) {
  test(`${file} keeps to the specification`, () => {
    const text = readFileSync(`${folder}${file}`, 'utf8')
    const context = makeContext({ events: 'open-responses' })
    const { events } = file.endsWith('.json')
      ? runBody(JSON.parse(text), { context })
      : runStream(text.split('\n'), { context })
    assert.ok(events.length > 0)
    assertValid(events)
  })
}

test('a failure keeps to the specification', { skip: !isThere }, () => {
  const request = {
    model: 'm',
    tools: [{ type: 'function', name: 'f' }],
    reasoning: { effort: 'low' as const },
    text: { format: { type: 'json_schema' as const, name: 'n', schema: { type: 'object' } } },
    tool_choice: { type: 'allowed_tools', tools: [{ type: 'function', name: 'f' }] },
  }
  const { events } = runStream(
    [
      { type: 'response.output_text.delta', item_id: 'a', output_index: 0, content_index: 0, delta: 'x' },
      { type: 'error', code: 'c', message: 'm' },
    ],
    { context: makeContext({ events: 'open-responses', request }) },
  )
  assertValid(events)
})

test('what others began, broke off or cancelled, and what is told again, keeps to the specification', {
  skip: !isThere,
}, () => {
  const context = makeContext({ events: 'open-responses' })
  const queued = { ...buildEcho(context), status: 'queued' }
  assertValid([
    { type: 'response.created', sequence_number: 0, response: queued },
    { type: 'response.queued', sequence_number: 1, response: queued },
  ])
  const { events, final } = runStream(
    [
      { type: 'response.output_text.delta', item_id: 'a', output_index: 0, content_index: 0, delta: 'x' },
      { type: 'response.completed', response: {} },
    ],
    { context },
  )
  for (const failure of [null, makeFailure('server_error', 'm')])
    for (let kept = 1; kept < events.length; kept++)
      assertValid(closeEvents(events.slice(0, kept), { dialect: 'open-responses', failure }).events)
  assertValid(replayEvents(final ?? assert.fail(), 'open-responses'))
})
