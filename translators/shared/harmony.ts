/**
 * Harmony is the chat format that gpt-oss models write. Servers that parse it badly let its control tokens through
 * into texts and tool names: `<|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…`.
 * The filter takes tokens and headers out and tells thoughts (the `analysis` channel) from text, at any chunking.
 */

/** What a stretch of leaked text amounts to. */
export interface HarmonyPieces {
  text: string
  reasoning: string
}

const tokenPattern = /<\|(start|end|message|channel|constrain|return|call)\|>/y
const tokens = ['start', 'end', 'message', 'channel', 'constrain', 'return', 'call'].map(
  (name) => `<|${name}|>`,
)
/** Longer than any real header: what looked like one was text. */
const longestHeader = 160
const headerWords = /^\s*(assistant|user|system|developer|tool|functions|analysis|commentary|final)\b/

export class HarmonyFilter {
  private held = ''
  private header: string | null = null
  private namesChannel = false
  private channel = ''
  private out: HarmonyPieces = { text: '', reasoning: '' }

  /** Takes the next stretch and gives what is certain by now; the start of a token is held back. */
  push(delta: string): HarmonyPieces {
    if (this.held === '' && this.header === null && this.channel === '' && !delta.includes('<')) {
      return { text: delta, reasoning: '' }
    }
    const input = this.held + delta
    this.held = ''
    let at = 0
    while (at < input.length) {
      const next = input.indexOf('<', at)
      this.take(next < 0 ? input.slice(at) : input.slice(at, next))
      if (next < 0) break
      tokenPattern.lastIndex = next
      const match = tokenPattern.exec(input)
      if (match !== null) {
        this.obey(match[1] as string)
        at = next + match[0].length
        continue
      }
      const rest = input.slice(next)
      if (tokens.some((token) => token.startsWith(rest))) {
        this.held = rest
        break
      }
      this.take('<')
      at = next + 1
    }
    return this.flush()
  }

  /** Gives what was held back, when the text is over. */
  end(): HarmonyPieces {
    const held = this.held
    this.held = ''
    this.take(held)
    if (this.header !== null && this.header.trim() !== '' && !headerWords.test(this.header)) {
      this.out.text += this.header
    }
    this.header = null
    this.channel = ''
    return this.flush()
  }

  private take(text: string): void {
    if (text === '') return
    if (this.header === null) {
      this.out[this.channel === 'analysis' ? 'reasoning' : 'text'] += text
      return
    }
    this.header += text
    if (this.header.length > longestHeader) {
      this.out.text += this.header
      this.header = null
    }
  }

  private obey(token: string): void {
    if (this.namesChannel && this.header !== null) this.channel = this.header.trim().split(/\s/)[0] ?? ''
    this.namesChannel = token === 'channel'
    if (token === 'message') this.header = null
    else this.header = ''
    if (token === 'start' || token === 'end' || token === 'return' || token === 'call') this.channel = ''
  }

  private flush(): HarmonyPieces {
    const pieces = this.out
    this.out = { text: '', reasoning: '' }
    return pieces
  }
}

/** A whole text at once. */
export function cleanHarmonyText(text: string): HarmonyPieces {
  if (!text.includes('<|')) return { text, reasoning: '' }
  const filter = new HarmonyFilter()
  const first = filter.push(text)
  const rest = filter.end()
  return { text: first.text + rest.text, reasoning: first.reasoning + rest.reasoning }
}

/** `functions.get_weather<|channel|>commentary` → `get_weather`. */
export function cleanHarmonyName(name: string): string {
  const cut = name.indexOf('<|')
  const bare = (cut < 0 ? name : name.slice(0, cut)).trim().replace(/^(?:.*\bto=)?functions\./, '')
  return bare === '' ? name : bare
}
