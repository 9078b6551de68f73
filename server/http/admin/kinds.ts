/** Kinds of values that the admin API's schemas share, and what they are called when something else is sent. */
import Type, { type TSchema } from 'typebox'

export function nullable<S extends TSchema>(schema: S) {
  return Type.Union([schema, Type.Null()])
}

/** A name, an id, or other text that is compared as a whole. */
export function text(description: string) {
  return Type.String({ minLength: 1, maxLength: 512, description })
}

/** Whole numbers up to the largest that both engines and JSON keep exactly. */
export function count(description: string) {
  return Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description })
}

/** Up to some thirty years: as microseconds they are whole numbers still. */
export function milliseconds(description: string) {
  return Type.Number({ minimum: 0, maximum: 1_000_000_000_000, description })
}

/** A moment that is asked for. */
export function time(description: string) {
  return Type.String({ format: 'time', description })
}

/** A moment that is answered: ISO 8601 with milliseconds, UTC. */
export function moment(description: string) {
  return Type.String({ format: 'date-time', description })
}

/** Dollars that are asked for. */
export function dollars(description: string) {
  return Type.String({ format: 'usd', description })
}

/** Dollars that are answered: a decimal with exactly nine decimals, such as "0.000123450". */
export function money(description: string) {
  return Type.String({ pattern: '^-?[0-9]+\\.[0-9]{9}$', description })
}

/** A place in a list, made by the gateway. */
export function cursor(description: string) {
  return Type.String({ pattern: '^k[0-9a-z]{1,11}$', description })
}

interface Format {
  check(value: string): boolean
  /** Completes "must be". */
  expected: string
}

/** Formats of our own, by their name in a schema. */
export const formats: Readonly<Record<string, Format>> = {
  time: { check: isTime, expected: 'ISO 8601, like 2026-01-31T12:00:00Z, or Unix seconds' },
  usd: {
    check: (value) => /^[0-9]{1,6}(\.[0-9]{1,9})?$/.test(value),
    expected: 'dollars with at most nine decimals, like 0.05',
  },
}

const isoTime = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/
/** The range of dates that ISO 8601 writes with four digits. */
const lastMoment = 253_402_300_800_000

function isTime(value: string): boolean {
  return !Number.isNaN(parseTime(value))
}

/** Unix milliseconds of ISO 8601 or Unix seconds; NaN for anything else. */
export function parseTime(value: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(value)
  const found = seconds ? Number(value) * 1000 : isoTime.test(value) ? Date.parse(value) : Number.NaN
  return found >= 0 && found < lastMoment ? Math.floor(found) : Number.NaN
}
