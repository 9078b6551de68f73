/** Words of OpenAI's API reference that its routers and deployments share. */

export const openaiServiceTiers = [
  'auto',
  'default',
  'flex',
  'scale',
  'priority',
  'fast',
  'ultrafast',
] as const

export const openaiEfforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const

/** Names of models that are known not to reason: they refuse encrypted content. */
export const openaiPlainModels = '^(?:[\\w.-]+/)?(?:chatgpt-|gpt-[34](?!\\d))'

/** Names of models that reason, with or without an organisation before them, as the source of a regular expression. */
export const openaiReasoningModels = '^(?:[\\w.-]+/)?(?:o[1-9](?![\\w.])|gpt-5(?!\\d)(?!.*-chat))'
