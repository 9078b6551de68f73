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
