/** The thread that counts tokens. Answers a CountCall with a CountReply. */
import { parentPort } from 'node:worker_threads'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import type { CountCall, CountReply } from './token-counter.ts'

/** Markers of a chat template that a user wrote are text like any other. */
const asText = { allowedSpecial: new Set<string>(), disallowedSpecial: new Set<string>() }

/**
 * Characters without a space between them, or spaces, past which a text is cut. The tokenizer's time grows with the
 * square of such a run (a minute for 300 000 characters of Chinese), and no token is nearly as long.
 */
const longestRun = 512

parentPort?.on('message', ({ id, groups }: CountCall) => {
  const counts = groups.map((texts) => texts.reduce((sum, text) => sum + count(text), 0))
  const reply: CountReply = { id, counts }
  parentPort?.postMessage(reply)
})

function count(text: string): number {
  let tokens = 0
  let from = 0
  let run = 0
  let wasSpace = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    const isSpace = code <= 32
    run = isSpace === wasSpace ? run + 1 : 1
    wasSpace = isSpace
    const isHalf = code >= 0xd800 && code < 0xdc00
    if (run < longestRun || isHalf) continue
    tokens += countTokens(text.slice(from, index + 1), asText)
    from = index + 1
    run = 0
  }
  return tokens + (from < text.length ? countTokens(text.slice(from), asText) : 0)
}
