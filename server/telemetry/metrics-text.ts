/** The two text formats that a scrape may come in: OpenMetrics 1.0 for who asks for it, else Prometheus' own. */

export interface TextFormat {
  contentType: string
  /** Whether exemplars can stand in it. */
  hasExemplars: boolean
}

const prometheusText: TextFormat = {
  contentType: 'text/plain; version=0.0.4; charset=utf-8',
  hasExemplars: false,
}
const openMetrics: TextFormat = {
  contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  hasExemplars: true,
}

/** By the `Accept` header: OpenMetrics only for who names it, in this version or none, and likes it no less than plain text. */
export function chooseFormat(accept: string): TextFormat {
  const quality = { open: 0, plain: 0 }
  for (const range of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim())
    const values = new Map(parameters.map((parameter) => parameter.split('=', 2) as [string, string]))
    const given = Number(values.get('q') ?? 1)
    const version = values.get('version') ?? '1.0.0'
    if (type === 'application/openmetrics-text' && version === '1.0.0')
      quality.open = Math.max(quality.open, given)
    if (type === 'text/plain') quality.plain = Math.max(quality.plain, given)
  }
  return quality.open > 0 && quality.open >= quality.plain ? openMetrics : prometheusText
}

/**
 * Joins metrics in the text format 0.0.4, and makes of them the format that was chosen: in OpenMetrics a counter's family
 * goes without `_total`, no line is empty, and the last one says that nothing was cut off.
 */
export function joinMetrics(texts: readonly string[], { hasExemplars }: TextFormat): string {
  // prom-client writes NaN (an event loop not measured yet) in a spelling of its own.
  const text = texts
    .join('\n')
    .replaceAll(/ Nan$/gm, ' NaN')
    .replaceAll(/\n{2,}/g, '\n')
  if (!hasExemplars) return text
  const named = text
    .replaceAll(/^(# (?:HELP|TYPE) \S+)_total /gm, '$1 ')
    .replaceAll(/^# HELP .*$/gm, (help) => help.replaceAll('"', '\\"'))
  return `${named}# EOF\n`
}
