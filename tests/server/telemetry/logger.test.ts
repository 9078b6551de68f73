import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createLogger, createRequestLogger, type LoggerOptions } from '../../../server/telemetry/logger.ts'
import { makeError, makeExchange } from './metrics-exchange.ts'

function create(options: LoggerOptions = {}) {
  const written: string[] = []
  const logger = createLogger({
    level: 'debug',
    pretty: false,
    stream: { write: (text) => written.push(text) },
    now: () => new Date(0),
    ...options,
  })
  return { logger, written, lines: () => written.map((line) => JSON.parse(line)) }
}

describe('the process log', () => {
  test('is one JSON object per line', () => {
    const { logger, written, lines } = create()
    logger.info('listening', { port: 8787, nothing: null, text: 'two\nlines' })
    assert.equal(written.length, 1)
    assert.equal(written[0]!.indexOf('\n'), written[0]!.length - 1)
    assert.deepEqual(lines(), [
      { level: 'info', time: '1970-01-01T00:00:00.000Z', msg: 'listening', port: 8787, text: 'two\nlines' },
    ])
  })

  test('keeps to the level', () => {
    const { logger, lines } = create({ level: 'warn' })
    logger.debug('a')
    logger.info('b')
    logger.warn('c')
    logger.error('d')
    assert.deepEqual(
      lines().map(({ msg }) => msg),
      ['c', 'd'],
    )
    assert.equal(logger.isEnabled('info'), false)
    assert.equal(logger.isEnabled('warn'), true)
  })

  test('takes the level from LOG_LEVEL; what is none means info', () => {
    for (const [LOG_LEVEL, expected] of [
      ['debug', ['debug', 'info', 'error']],
      [' WARN ', ['error']],
      ['silent', []],
      ['loud', ['info', 'error']],
      [undefined, ['info', 'error']],
    ] as const) {
      const { logger, lines } = create({ level: undefined, env: { LOG_LEVEL } })
      logger.debug('debug')
      logger.info('info')
      logger.error('error')
      assert.deepEqual(
        lines().map(({ msg }) => msg),
        expected,
      )
    }
  })

  test('tells an error whole, and survives what cannot be serialised', () => {
    const { logger, lines } = create()
    logger.error('failed', {
      error: Object.assign(new Error('no', { cause: new Error('why') }), { code: 'EPIPE' }),
    })
    const loop: Record<string, unknown> = {}
    loop.loop = loop
    logger.error('odd', { loop })
    logger.error('big', { size: 10n })
    const [failed, odd, big] = lines()
    assert.equal(failed.error.message, 'no')
    assert.equal(failed.error.code, 'EPIPE')
    assert.equal(failed.error.cause.message, 'why')
    assert.match(failed.error.stack, /logger\.test/)
    assert.equal(odd.msg, 'odd')
    assert.equal(big.size, '10')
  })

  test('is readable on a terminal, which no text of a client can steer', () => {
    const written: string[] = []
    const stream = { write: (text: string) => written.push(text), isTTY: true }
    createLogger({ level: 'debug', stream }).warn('request', {
      model: 'x\u001b[2J\u202e',
      status: 'failed',
      empty: null,
    })
    const [line] = written
    assert.throws(() => JSON.parse(line!))
    assert.match(line!, /warn.*request.*status=.*failed/)
    assert.doesNotMatch(line!, /empty/)
    assert.equal(line!.includes('\u001b[2J'), false)
    assert.equal(line!.includes('\u202e'), false)
  })
})

describe('the line of a request', () => {
  test('says what went on, and nothing of what was said', () => {
    const { logger, lines } = create()
    createRequestLogger(logger).finished?.(
      makeExchange({ traceId: 'abc', adaptations: [{ field: 'top_p', action: 'dropped', detail: '' }] }),
    )
    const [line] = lines()
    assert.deepEqual(line, {
      level: 'debug',
      time: '1970-01-01T00:00:00.000Z',
      msg: 'request',
      request_id: 'req_1',
      trace_id: 'abc',
      project: 'acme',
      key: 'acme/1',
      model: 'openai/gpt-oss-120b',
      provider: 'alpha',
      upstream_model: 'gpt-oss-120b',
      status: 'completed',
      http_status: 200,
      stream: true,
      attempts: 1,
      latency_ms: 412,
      ttft_ms: 211,
      overhead_ms: 12,
      input_tokens: 100,
      output_tokens: 20,
      adaptations: 'dropped:top_p',
    })
    assert.doesNotMatch(JSON.stringify(line), /sk-secret-key/)
  })

  for (const [what, change, level] of [
    ['an answer', {}, 'debug'],
    ["a caller's mistake", { httpStatus: 400, error: makeError({ origin: 'client' }) }, 'info'],
    ['a caller that has gone', { httpStatus: 499, error: makeError({ origin: 'client' }) }, 'info'],
    ['a provider that failed', { httpStatus: 502, error: makeError() }, 'warn'],
    ["a provider's limit", { httpStatus: 429, error: makeError() }, 'warn'],
    ['a stream that failed under a 200', { httpStatus: 200, status: 'failed', error: makeError() }, 'warn'],
  ] as const)
    test(`${what} is ${level}`, () => {
      const { logger, lines } = create()
      createRequestLogger(logger).finished?.(makeExchange(change))
      assert.equal(lines()[0].level, level)
    })

  test('costs nothing below the level', () => {
    const { logger, written } = create({ level: 'info' })
    createRequestLogger(logger).finished?.(makeExchange())
    assert.deepEqual(written, [])
  })
})
