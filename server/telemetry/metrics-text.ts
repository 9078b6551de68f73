/** The two text formats that a scrape may come in: OpenMetrics 1.0 for who asks for it, else Prometheus' own. */

export interface TextFormat {
  contentType: string
  /** Exemplars can stand in it, and its last line says that nothing was cut off. */
  isOpenMetrics: boolean
}

const prometheusText: TextFormat = {
  contentType: 'text/plain; version=0.0.4; charset=utf-8',
  isOpenMetrics: false,
}
const openMetrics: TextFormat = {
  contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  isOpenMetrics: true,
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

/** Makes metrics in the text format what OpenMetrics wants: a counter's family goes without `_total`, quotes in help are escaped. */
export function toOpenMetrics(text: string): string {
  return text
    .replaceAll(/^(# (?:HELP|TYPE) \S+)_total /gm, '$1 ')
    .replaceAll(/^# HELP .*$/gm, (help) => help.replaceAll('"', '\\"'))
}

/** What prom-client wrote, in the format chosen: it puts empty lines between metrics, and spells NaN in its own way. */
export function tidyText(text: string, { isOpenMetrics }: TextFormat): string {
  const tidy = text.replaceAll(/ Nan$/gm, ' NaN').replaceAll(/\n{2,}/g, '\n')
  return isOpenMetrics ? toOpenMetrics(tidy) : tidy
}
