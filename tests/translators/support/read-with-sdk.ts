/** OpenAI's own reader of streams, fed from events. */
import OpenAI from 'openai'
import type { Response } from 'openai/resources/responses/responses'
import type { CanonicalEvent } from '../../../translators/shared/canonical.ts'

/** What the SDK makes of the events: its accumulated final response, and what it saw of the deltas. */
export async function readWithSdk(
  events: readonly CanonicalEvent[],
): Promise<{ response: Response; deltas: string }> {
  const body = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')
  const client = new OpenAI({
    apiKey: 'none',
    maxRetries: 0,
    fetch: async () =>
      new globalThis.Response(`${body}data: [DONE]\n\n`, {
        headers: { 'content-type': 'text/event-stream' },
      }),
  })
  const stream = client.responses.stream({ model: 'acme/model', input: 'hi' })
  let deltas = ''
  stream.on('response.output_text.delta', (event) => {
    deltas += event.delta
  })
  const response = (await stream.finalResponse()) as unknown as Response
  return { response, deltas }
}
