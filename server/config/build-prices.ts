/** Prices as written → prices as they are looked up: exact whole nano-dollars, ordered by date and by how well a name fits. */
import { createHash } from 'node:crypto'
import { defaultPrices } from './default-prices.ts'
import { type PathSegment, ProblemList, suggestName } from './problems.ts'
import type {
  PriceListRuntime,
  PriceRatesRuntime,
  PriceRuntime,
  PricesRuntime,
  PriceTierRuntime,
} from './runtime.ts'
import type { ConfigurationDraft, PricesDraft, Translators } from './schema.ts'

type PriceDraft = NonNullable<NonNullable<NonNullable<PricesDraft[string]>[string]>[number]>
/** `source`: of those that come with the gateway. */
type SourcedDraft = PriceDraft & { source?: string }
type ModelsDraft = Readonly<Record<string, readonly (SourcedDraft | undefined)[] | undefined>>
type TierDraft = NonNullable<NonNullable<PriceDraft['tiers']>[number]>
type RateName = keyof PriceRatesRuntime

const tokenRates = ['input', 'cachedInput', 'cacheWrite', 'output', 'reasoning'] as const
const eachRates = ['request', 'image'] as const
const rateNames: readonly RateName[] = [...tokenRates, ...eachRates]

/** What makes a price worth having; the others only refine one of these. */
const mainRates: readonly RateName[] = ['input', 'output', 'request', 'image']

/** What providers and people call the tier that is no special one. */
const usualTiers: ReadonlySet<string> = new Set(['default', 'auto', 'standard'])

export function buildPrices({
  draft,
  translators,
  problems,
}: {
  draft: ConfigurationDraft
  translators: Translators
  problems: ProblemList
}): PricesRuntime {
  const known = [...Object.keys(draft.providers ?? {}), ...Object.keys(translators)]
  const configured = new Map<string, PriceListRuntime>()
  for (const [owner, models] of Object.entries(draft.prices)) {
    if (models === undefined) continue
    if (!known.includes(owner)) {
      const suggestion = suggestName(owner, [...new Set(known)])
      problems.add(['prices', owner], `is not one of the providers or variants${suggestion}`)
    }
    configured.set(owner, buildList(models, ['prices', owner], problems))
  }
  return { configured, defaults: getDefaults() }
}

let defaults: ReadonlyMap<string, PriceListRuntime> | null = null

/** @throws when the table that comes with the gateway is wrong, which a test looks at. */
function getDefaults(): ReadonlyMap<string, PriceListRuntime> {
  if (defaults !== null) return defaults
  const problems = new ProblemList()
  const lists = new Map<string, PriceListRuntime>()
  for (const [variant, entries] of Object.entries(defaultPrices)) {
    const models: Record<string, SourcedDraft[]> = {}
    for (const { models: names, date, source, ...price } of entries)
      for (const name of names) {
        const dated = models[name] ?? []
        dated.push({ version: versionOf(price, date), source, ...price })
        models[name] = dated
      }
    lists.set(variant, buildList(models, [variant], problems))
  }
  const [problem] = problems.items
  if (problem !== undefined) throw new Error(`default price ${problem.path} ${problem.message}`)
  defaults = lists
  return lists
}

function buildList(
  models: ModelsDraft,
  segments: readonly PathSegment[],
  problems: ProblemList,
): PriceListRuntime {
  const exact = new Map<string, readonly PriceRuntime[]>()
  const patterns: { prefix: string; suffix: string; prices: readonly PriceRuntime[] }[] = []
  for (const [name, drafts] of Object.entries(models)) {
    const [prefix = '', suffix, ...more] = name.split('*')
    if (more.length > 0) problems.add([...segments, name], 'may hold one "*" at most')
    const prices = buildModel(drafts ?? [], [...segments, name], problems)
    if (suffix === undefined) exact.set(name, prices)
    else patterns.push({ prefix, suffix, prices })
  }
  patterns.sort((a, b) => b.prefix.length + b.suffix.length - a.prefix.length - a.suffix.length)
  return { exact, patterns }
}

function buildModel(
  drafts: readonly (SourcedDraft | undefined)[],
  segments: readonly PathSegment[],
  problems: ProblemList,
): PriceRuntime[] {
  const prices = new Map<number, PriceRuntime>()
  for (const [index, draft] of drafts.entries()) {
    if (draft === undefined) continue
    const at = [...segments, index]
    const from = readDate(draft.from, [...at, 'from'], problems)
    if (prices.has(from))
      problems.add(
        draft.from === undefined ? at : [...at, 'from'],
        'is the date of another price of this model; give each its own date',
      )
    const { from: date = 'always', version = versionOf(draft, date), source } = draft
    const tiers = buildTiers(draft, at, problems)
    prices.set(from, { version, from, ...(source !== undefined && { source }), tiers })
  }
  return [...prices.values()].sort((a, b) => b.from - a.from)
}

function readDate(text: string | undefined, segments: readonly PathSegment[], problems: ProblemList): number {
  if (text === undefined) return Number.NEGATIVE_INFINITY
  const time = Date.parse(text)
  const day = Date.parse(`${text.slice(0, 10)}T00:00:00Z`)
  // Some days that no month has are read as days of the next one.
  const isDay = Number.isFinite(day) && new Date(day).toISOString().startsWith(text.slice(0, 10))
  if (Number.isFinite(time) && isDay) return time
  problems.add(segments, `${text} is not in the calendar; write a day such as "2026-07-01"`)
  return Number.NEGATIVE_INFINITY
}

function buildTiers(
  draft: PriceDraft,
  segments: readonly PathSegment[],
  problems: ProblemList,
): PriceTierRuntime[] {
  const tiers = [buildTier(draft, segments, problems)]
  for (const [index, tier] of (draft.tiers ?? []).entries()) {
    if (tier === undefined) continue
    const at = [...segments, 'tiers', index]
    const built = buildTier(tier, at, problems)
    const isTaken = tiers.some(
      ({ serviceTier, aboveInputTokens }) =>
        serviceTier === built.serviceTier && aboveInputTokens === built.aboveInputTokens,
    )
    if (isTaken)
      problems.add(
        at,
        'is for the same requests as the rates before it; give it a serviceTier or aboveInputTokens of its own',
      )
    tiers.push(built)
  }
  return tiers
}

function buildTier(
  draft: TierDraft,
  segments: readonly PathSegment[],
  problems: ProblemList,
): PriceTierRuntime {
  const rates: Record<RateName, number | null> = {
    ...readRates(draft, tokenRates, 1, segments, problems),
    ...readRates(draft, eachRates, 1_000_000, segments, problems),
  }
  const isWrong = rateNames.some((name) => problems.has([...segments, name]))
  if (!isWrong && mainRates.every((name) => rates[name] === null))
    problems.add(segments, `has no rate; give ${mainRates.slice(0, -1).join(', ')} or ${mainRates.at(-1)}`)
  const serviceTier = draft.serviceTier?.toLowerCase() ?? 'default'
  return {
    serviceTier: usualTiers.has(serviceTier) ? null : serviceTier,
    aboveInputTokens: draft.aboveInputTokens ?? 0,
    ...rates,
  }
}

function readRates<N extends RateName>(
  draft: TierDraft,
  names: readonly N[],
  factor: number,
  segments: readonly PathSegment[],
  problems: ProblemList,
): Record<N, number | null> {
  const rates = {} as Record<N, number | null>
  for (const name of names) {
    const written = draft[name]
    const nanos = written === undefined ? null : toNanoDollars(written)
    if (written !== undefined && nanos === null)
      problems.add([...segments, name], `${written} has more than nine decimals; round it`)
    rates[name] = nanos === null ? null : nanos * factor
  }
  return rates
}

/** `0.075` → 75 000 000, without going through binary fractions; null when there are more than nine decimals. */
export function toNanoDollars(amount: number | string): number | null {
  const [, whole = '', fraction = '', exponent = '0'] =
    /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(amount)) ?? []
  if (whole === '') return null
  const power = 9 + Number(exponent) - fraction.length
  const digits = BigInt(whole + fraction)
  if (power >= 0) return Number(digits * 10n ** BigInt(power))
  const divisor = 10n ** BigInt(-power)
  return digits % divisor === 0n ? Number(digits / divisor) : null
}

/** Another content has another version; the order in which members are written, or how, makes none. */
function versionOf({ tiers = [], ...base }: PriceDraft, date: string): string {
  const tierText = (tier: TierDraft) =>
    JSON.stringify([
      tier.serviceTier ?? null,
      tier.aboveInputTokens ?? 0,
      ...rateNames.map((name) => toNanoDollars(tier[name] ?? '')),
    ])
  const texts = [tierText(base), ...tiers.map((tier) => (tier === undefined ? '' : tierText(tier))).sort()]
  const hash = createHash('sha256').update(texts.join('\n')).digest('hex').slice(0, 8)
  return `${date}-${hash}`
}
