/**
 * Prices that come with the gateway: facts of the providers' public price lists, by variant. Each says where it stands
 * and the day on which it stood there. A model whose price could not be established has none, so its cost is unknown:
 * Scaleway lists euros, Sail prices by a completion window that its answers do not name, Sudo and General Augment list
 * none that could be read, and what runs behind `deployment` and `open-responses` only its operator knows.
 *
 * OpenAI's are those of the usual service tier. What flex, priority and batch cost is not here: such requests are
 * unpriced until the configuration gives the rates (`prices.<provider>.<model>[].tiers`).
 */

type Amount = string

/** The members of an entry of `prices` in the configuration, and where they are from. */
export interface DefaultPrice {
  /** Names of the provider, each with one `*` at most. */
  models: readonly string[]
  /** Where it is published. */
  source: string
  /** The day on which it stood there. */
  date: string
  from?: string
  input?: Amount
  cachedInput?: Amount
  cacheWrite?: Amount
  output?: Amount
  tiers?: {
    aboveInputTokens: number
    input: Amount
    cachedInput?: Amount
    cacheWrite?: Amount
    output: Amount
  }[]
}

interface Rates {
  input: Amount
  cachedInput?: Amount
  cacheWrite?: Amount
  output: Amount
  from?: string
}

const openaiList = 'https://developers.openai.com/api/docs/pricing'
/** The day of the collection (pydantic/genai-prices 0.1.8, MIT) through which OpenAI's list was read. */
const openaiDate = '2026-09-23'

/** @param more what else the price depends on. */
function openai(
  models: readonly string[],
  rates: Rates,
  more: Pick<DefaultPrice, 'tiers'> = {},
): DefaultPrice {
  return { models, source: openaiList, date: openaiDate, ...rates, ...more }
}

/** The list has the usual rates for inputs under 272 000 tokens ("<272K"), so the others begin there. */
const from272k = 271_999
/** The list has the other rates for inputs of more than 272 000 tokens. */
const past272k = 272_000

function long(aboveInputTokens: number, rates: Omit<Rates, 'from'>): Pick<DefaultPrice, 'tiers'> {
  return { tiers: [{ aboveInputTokens, ...rates }] }
}

export const defaultPrices: Readonly<Record<string, readonly DefaultPrice[]>> = {
  openai: [
    openai(
      ['gpt-6-astra', 'gpt-6-astra-20*'],
      { input: '10', cachedInput: '1', cacheWrite: '12.5', output: '50' },
      long(from272k, { input: '20', cachedInput: '2', cacheWrite: '25', output: '75' }),
    ),
    openai(
      ['gpt-6-sol', 'gpt-6-sol-20*'],
      { input: '2', cachedInput: '0.2', cacheWrite: '2.5', output: '10' },
      long(past272k, { input: '4', cachedInput: '0.4', cacheWrite: '5', output: '15' }),
    ),
    openai(
      ['gpt-6-luna', 'gpt-6-luna-20*'],
      { input: '0.1', cachedInput: '0.01', cacheWrite: '0.125', output: '0.5' },
      long(past272k, { input: '0.2', cachedInput: '0.02', cacheWrite: '0.25', output: '0.75' }),
    ),
    openai(
      ['gpt-5.6', 'gpt-5.6-sol', 'gpt-5.6-sol-20*'],
      { input: '5', cachedInput: '0.5', cacheWrite: '6.25', output: '30' },
      long(from272k, { input: '10', cachedInput: '1', cacheWrite: '12.5', output: '45' }),
    ),
    openai(
      ['gpt-5.6', 'gpt-5.6-sol', 'gpt-5.6-sol-20*'],
      { from: '2026-08-21', input: '4', cachedInput: '0.4', cacheWrite: '5', output: '20' },
      long(from272k, { input: '8', cachedInput: '0.8', cacheWrite: '10', output: '30' }),
    ),
    openai(
      ['gpt-5.6-terra', 'gpt-5.6-terra-20*'],
      { input: '2.5', cachedInput: '0.25', cacheWrite: '3.125', output: '15' },
      long(from272k, { input: '5', cachedInput: '0.5', cacheWrite: '6.25', output: '22.5' }),
    ),
    openai(
      ['gpt-5.6-terra', 'gpt-5.6-terra-20*'],
      { from: '2026-07-30', input: '2', cachedInput: '0.2', cacheWrite: '2.5', output: '12' },
      long(from272k, { input: '4', cachedInput: '0.4', cacheWrite: '5', output: '18' }),
    ),
    openai(
      ['gpt-5.6-luna', 'gpt-5.6-luna-20*'],
      { input: '1', cachedInput: '0.1', cacheWrite: '1.25', output: '6' },
      long(from272k, { input: '2', cachedInput: '0.2', cacheWrite: '2.5', output: '9' }),
    ),
    openai(
      ['gpt-5.6-luna', 'gpt-5.6-luna-20*'],
      { from: '2026-07-30', input: '0.2', cachedInput: '0.02', cacheWrite: '0.25', output: '1.2' },
      long(from272k, { input: '0.4', cachedInput: '0.04', cacheWrite: '0.5', output: '1.8' }),
    ),
    openai(
      ['gpt-5.5', 'gpt-5.5-2026-04-23'],
      { input: '5', cachedInput: '0.5', output: '30' },
      long(from272k, { input: '10', cachedInput: '1', output: '45' }),
    ),
    openai(
      ['gpt-5.5-pro', 'gpt-5.5-pro-2026-04-23'],
      { input: '30', output: '180' },
      long(from272k, { input: '60', output: '270' }),
    ),
    openai(
      ['gpt-5.4', 'gpt-5.4-2026-03-05'],
      { input: '2.5', cachedInput: '0.25', output: '15' },
      long(from272k, { input: '5', cachedInput: '0.5', output: '22.5' }),
    ),
    openai(
      ['gpt-5.4-pro', 'gpt-5.4-pro-2026-03-05'],
      { input: '30', output: '180' },
      long(from272k, { input: '60', output: '270' }),
    ),
    openai(['gpt-5.4-mini', 'gpt-5.4-mini-2026-03-17'], {
      input: '0.75',
      cachedInput: '0.075',
      output: '4.5',
    }),
    openai(['gpt-5.4-nano', 'gpt-5.4-nano-2026-03-17'], {
      input: '0.2',
      cachedInput: '0.02',
      output: '1.25',
    }),
    openai(['gpt-5.3-codex'], { input: '1.75', cachedInput: '0.175', output: '14' }),
    openai(['gpt-5.2', 'gpt-5.2-2025-12-11', 'gpt-5.2-chat-latest', 'gpt-5.2-codex'], {
      input: '1.75',
      cachedInput: '0.175',
      output: '14',
    }),
    openai(['gpt-5.2-pro', 'gpt-5.2-pro-2025-12-11'], { input: '21', output: '168' }),
    openai(['gpt-5.1', 'gpt-5.1-2025-11-13', 'gpt-5.1-chat-latest', 'gpt-5.1-codex', 'gpt-5.1-codex-max'], {
      input: '1.25',
      cachedInput: '0.125',
      output: '10',
    }),
    openai(['gpt-5.1-codex-mini'], { input: '0.25', cachedInput: '0.025', output: '2' }),
    openai(['gpt-5', 'gpt-5-2025-08-07', 'gpt-5-chat-latest', 'gpt-5-codex'], {
      input: '1.25',
      cachedInput: '0.125',
      output: '10',
    }),
    openai(['gpt-5-mini', 'gpt-5-mini-2025-08-07'], { input: '0.25', cachedInput: '0.025', output: '2' }),
    openai(['gpt-5-nano', 'gpt-5-nano-20*'], { input: '0.05', cachedInput: '0.005', output: '0.4' }),
    openai(['gpt-5-pro', 'gpt-5-pro-2025-10-06'], { input: '15', output: '120' }),
    openai(['gpt-4.1', 'gpt-4.1-2025-04-14'], { input: '2', cachedInput: '0.5', output: '8' }),
    openai(['gpt-4.1-mini', 'gpt-4.1-mini-2025-04-14'], { input: '0.4', cachedInput: '0.1', output: '1.6' }),
    openai(['gpt-4.1-nano', 'gpt-4.1-nano-2025-04-14'], {
      input: '0.1',
      cachedInput: '0.025',
      output: '0.4',
    }),
    openai(['gpt-4o', 'gpt-4o-2024-08-06', 'gpt-4o-2024-11-20'], {
      input: '2.5',
      cachedInput: '1.25',
      output: '10',
    }),
    openai(['gpt-4o-2024-05-13'], { input: '5', output: '15' }),
    openai(['gpt-4o-mini', 'gpt-4o-mini-2024-07-18'], { input: '0.15', cachedInput: '0.075', output: '0.6' }),
    openai(['o1', 'o1-2024-12-17'], { input: '15', cachedInput: '7.5', output: '60' }),
    openai(['o1-pro', 'o1-pro-2025-03-19'], { input: '150', output: '600' }),
    openai(['o3', 'o3-2025-04-16'], { from: '2025-06-10', input: '2', cachedInput: '0.5', output: '8' }),
    openai(['o3-pro', 'o3-pro-2025-06-10'], { input: '20', output: '80' }),
    openai(['o3-mini', 'o3-mini-2025-01-31'], { input: '1.1', cachedInput: '0.55', output: '4.4' }),
    openai(['o3-deep-research', 'o3-deep-research-2025-06-26'], {
      input: '10',
      cachedInput: '2.5',
      output: '40',
    }),
    openai(['o4-mini', 'o4-mini-2025-04-16'], { input: '1.1', cachedInput: '0.275', output: '4.4' }),
    openai(['o4-mini-deep-research', 'o4-mini-deep-research-2025-06-26'], {
      input: '2',
      cachedInput: '0.5',
      output: '8',
    }),
  ],
}
