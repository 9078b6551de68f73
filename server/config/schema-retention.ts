/** The options of how long the request log is kept. */
import type { SchemaNode } from './schema-node.ts'

const MAX_DAYS = 36_500

export const retentionSchema = {
  type: 'object',
  description: 'How long the request log is kept, by age and by bytes. What is old goes in small steps.',
  default: {},
  properties: {
    bodyDays: {
      type: 'number',
      description:
        'Days that headers and bodies are kept, with what is searched in them; 0: as long as their rows. Never longer than these.',
      minimum: 0,
      maximum: MAX_DAYS,
      default: 7,
    },
    rowDays: {
      type: 'number',
      description:
        'Days that the row of a request is kept: its names, status, tokens, times and cost; 0: for ever.',
      minimum: 0,
      maximum: MAX_DAYS,
      default: 90,
    },
    rollupDays: {
      type: 'number',
      description:
        'Days that the sums per hour and day are kept, also of requests whose row is gone; 0: for ever. Never shorter than rows.',
      minimum: 0,
      maximum: MAX_DAYS,
      default: 400,
    },
    minuteDays: {
      type: 'number',
      description:
        'Days that the sums per minute are kept; 0: as long as those per hour. Never longer than these.',
      minimum: 0,
      maximum: MAX_DAYS,
      default: 7,
    },
    maxBytes: {
      type: 'integer',
      description:
        'Bytes that the store may use, kept responses and conversations included; past it the oldest bodies of the log go early, then the oldest rows, never the sums and never what is kept for clients. 0: no limit; otherwise at least 100000000.',
      minimum: 0,
      maximum: 1_000_000_000_000_000,
      default: 10_000_000_000,
    },
  },
  additionalProperties: false,
} as const satisfies SchemaNode
