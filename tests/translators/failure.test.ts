/** Every shape of error that the documents and the providers' public material know, and what the client is told. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { translators } from '../../translators/index.ts'
import { readFailure } from '../../translators/responses/failure.ts'
import type { UpstreamFailure } from '../../translators/shared/translator.ts'

interface Case {
  name: string
  status: number
  headers?: Record<string, string>
  body: unknown
  expected: Partial<UpstreamFailure>
}

const cases: Case[] = [
  {
    name: 'OpenAI, nested',
    status: 400,
    body: {
      error: {
        message: "Invalid 'temperature': decimal above maximum value. Expected a value <= 2.",
        type: 'invalid_request_error',
        param: 'temperature',
        code: 'decimal_above_max_value',
      },
    },
    expected: {
      status: 400,
      code: 'decimal_above_max_value',
      param: 'temperature',
      origin: 'client',
      retryable: false,
      message: "Invalid 'temperature': decimal above maximum value. Expected a value <= 2.",
    },
  },
  {
    name: 'a bare number as text',
    status: 429,
    body: '429',
    expected: {
      status: 429,
      code: 'rate_limit_exceeded',
      message: 'The provider is limiting the rate of requests.',
    },
  },
  {
    name: 'nested, without a code',
    status: 400,
    body: { error: { message: 'No.', type: 'invalid_request_error', param: null, code: null } },
    expected: { status: 400, code: 'invalid_request', param: null },
  },
  {
    name: 'a numeric code',
    status: 400,
    body: { error: { message: 'Too many tools.', type: 'BadRequestError', param: null, code: 400 } },
    expected: { status: 400, code: 'invalid_request', message: 'Too many tools.' },
  },
  {
    name: 'flat, of the older vLLM',
    status: 400,
    body: { object: 'error', message: 'Bad top_p.', type: 'BadRequestError', param: 'top_p', code: 400 },
    expected: { status: 400, code: 'invalid_request', param: 'top_p', message: 'Bad top_p.' },
  },
  {
    name: 'an error that is a string',
    status: 400,
    body: { error: 'missing field input' },
    expected: { status: 400, message: 'missing field input' },
  },
  {
    name: 'an error that is a word beside a message',
    status: 429,
    body: { error: 'rate_limited', message: 'Slow down.', retry_after_seconds: 7 },
    expected: { status: 429, code: 'rate_limit_exceeded', message: 'Slow down.', retryAfterSeconds: 7 },
  },
  {
    name: 'FastAPI, a list',
    status: 422,
    body: {
      detail: [
        {
          loc: ['body', 'max_output_tokens'],
          msg: 'Input should be less than or equal to 8000',
          type: 'less_than_equal',
          input: 'the secret of the user',
          ctx: { le: 8000 },
        },
      ],
    },
    expected: {
      status: 400,
      code: 'invalid_request',
      param: 'max_output_tokens',
      message: 'max_output_tokens: Input should be less than or equal to 8000',
      origin: 'client',
    },
  },
  {
    name: 'FastAPI, a list with a deep place',
    status: 422,
    body: { detail: [{ loc: ['body', 'tools', 0, 'name'], msg: 'Field required', type: 'missing' }] },
    expected: { param: 'tools[0].name', message: 'tools[0].name: Field required' },
  },
  {
    name: 'FastAPI, a string',
    status: 422,
    body: { detail: 'Not so.' },
    expected: { status: 400, message: 'Not so.' },
  },
  {
    name: 'FastAPI, an object',
    status: 409,
    body: {
      detail: { code: 'idempotency_key_in_progress', message: 'Still running.', retry_after_seconds: 3 },
    },
    expected: { status: 409, code: 'idempotency_key_in_progress', retryable: true, retryAfterSeconds: 3 },
  },
  {
    name: 'an idempotency conflict',
    status: 409,
    body: { code: 'idempotency_key_conflict', message: 'Another body.' },
    expected: { status: 409, code: 'idempotency_key_conflict', retryable: false, origin: 'client' },
  },
  {
    name: 'an idempotency conflict told as a 400',
    status: 400,
    body: { error: { type: 'idempotency_error', message: 'Another body.' } },
    expected: { status: 409, code: 'idempotency_key_conflict', retryable: false },
  },
  {
    name: 'a budget',
    status: 402,
    body: { detail: { code: 'project_budget_exceeded', message: 'Budget of project 12 is 10 EUR' } },
    expected: { status: 502, code: 'upstream_quota_exceeded', origin: 'upstream', retryable: true },
  },
  {
    name: 'a quota told as a 429',
    status: 429,
    body: {
      error: { type: 'insufficient_quota', code: 'insufficient_quota', message: 'You exceeded your quota' },
    },
    expected: { status: 502, code: 'upstream_quota_exceeded' },
  },
  {
    name: 'a refused key',
    status: 401,
    body: { error: { message: 'Incorrect API key provided: sk-abcdefghijklmnop', code: 'invalid_api_key' } },
    expected: {
      status: 502,
      code: 'upstream_authentication_failed',
      origin: 'upstream',
      retryable: true,
      param: null,
    },
  },
  {
    name: 'a forbidden project',
    status: 403,
    body: { message: 'insufficient permissions', type: 'permissions_denied' },
    expected: { status: 502, code: 'upstream_authentication_failed' },
  },
  {
    name: 'an unknown model, 404',
    status: 404,
    body: { error: { message: 'The model `x` does not exist', code: 'model_not_found', param: 'model' } },
    expected: { status: 502, code: 'upstream_model_not_found', origin: 'upstream', retryable: true },
  },
  {
    name: 'an unknown model, 422',
    status: 422,
    body: { error: { message: 'model not found', type: 'invalid_request', param: 'model', code: 422 } },
    expected: { status: 502, code: 'upstream_model_not_found' },
  },
  {
    name: 'an unknown deployment',
    status: 404,
    body: {
      error: { code: 'DeploymentNotFound', message: 'The API deployment for this resource does not exist.' },
    },
    expected: { status: 502, code: 'upstream_model_not_found' },
  },
  {
    name: 'a previous response that is gone',
    status: 400,
    body: { error: { code: 'previous_response_not_found', message: 'Gone.', param: 'previous_response_id' } },
    expected: {
      status: 400,
      code: 'previous_response_not_found',
      param: 'previous_response_id',
      origin: 'client',
    },
  },
  ...[
    "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
    'The decoder prompt (length 9000) is longer than the maximum model length of 8192.',
    'Your input exceeds the context window of this model. Please adjust your input and try again.',
    'The request exceeds the available context size. Try increasing the context size.',
  ].map(
    (message): Case => ({
      name: `too long, said in a sentence only: ${message}`,
      status: 400,
      body: { error: { message, type: 'BadRequestError', param: null, code: 400 } },
      expected: { status: 400, code: 'context_length_exceeded', origin: 'client', retryable: false, message },
    }),
  ),
  {
    name: 'the word context alone is no such error',
    status: 400,
    body: { error: { message: 'Unknown parameter: context_management.', type: 'BadRequestError' } },
    expected: { status: 400, code: 'invalid_request' },
  },
  {
    name: 'a busy server is not a long input',
    status: 429,
    body: { error: { message: 'Maximum context length tokens per minute reached.' } },
    expected: { status: 429, code: 'rate_limit_exceeded' },
  },
  {
    name: 'an input that is too long',
    status: 400,
    body: { error: { code: 'context_length_exceeded', message: 'Too long.', param: 'input' } },
    expected: { status: 400, code: 'context_length_exceeded', param: 'input', retryable: false },
  },
  {
    name: 'an output limit',
    status: 416,
    body: { error: { message: 'Output limit is 8192.', code: 416 } },
    expected: {
      status: 400,
      code: 'max_output_tokens_exceeded',
      param: 'max_output_tokens',
      origin: 'client',
    },
  },
  {
    name: 'a body that is too large',
    status: 413,
    body: '',
    expected: { status: 413, code: 'body_too_large' },
  },
  {
    name: 'a time-out of the client side',
    status: 408,
    body: '',
    expected: { status: 504, code: 'upstream_timeout' },
  },
  {
    name: 'a rate limit in seconds',
    status: 429,
    headers: { 'retry-after': '12' },
    body: { error: { message: 'Rate limit for org-abcDEF123 reached', code: 'rate_limit_exceeded' } },
    expected: {
      status: 429,
      code: 'rate_limit_exceeded',
      retryAfterSeconds: 12,
      origin: 'upstream',
      retryable: true,
      message: 'Rate limit for [redacted] reached',
    },
  },
  {
    name: 'a rate limit in milliseconds',
    status: 429,
    headers: { 'retry-after-ms': '1500', 'retry-after': '9' },
    body: {},
    expected: { retryAfterSeconds: 1.5 },
  },
  {
    name: 'a rate limit until a date',
    status: 429,
    headers: { 'retry-after': 'Sat, 21 Nov 2026 05:00:30 GMT', date: 'Sat, 21 Nov 2026 05:00:00 GMT' },
    body: {},
    expected: { retryAfterSeconds: 30 },
  },
  {
    name: 'a date without one to set it against',
    status: 429,
    headers: { 'retry-after': 'Sat, 21 Nov 2026 05:00:30 GMT' },
    body: {},
    expected: { retryAfterSeconds: null },
  },
  {
    name: 'a negative wait',
    status: 429,
    headers: { 'retry-after': '-5' },
    body: {},
    expected: { retryAfterSeconds: null },
  },
  {
    name: 'HTML',
    status: 502,
    body: '<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>nginx on 10.0.0.1</h1></body></html>',
    expected: { status: 502, code: 'upstream_error', message: '502 Bad Gateway', retryable: true },
  },
  {
    name: 'text',
    status: 500,
    body: 'Internal Server Error',
    expected: { status: 502, message: 'Internal Server Error' },
  },
  {
    name: 'nothing',
    status: 500,
    body: '',
    expected: { status: 502, message: 'The provider failed (status 500).' },
  },
  { name: 'null', status: 503, body: null, expected: { status: 503, code: 'upstream_overloaded' } },
  {
    name: 'overloaded',
    status: 529,
    body: { error: { type: 'overloaded_error', message: 'Busy' } },
    expected: { status: 503 },
  },
  {
    name: 'a gateway time-out',
    status: 504,
    body: 'upstream timed out',
    expected: { status: 504, code: 'upstream_timeout' },
  },
  {
    name: 'a tool_choice that is not implemented',
    status: 501,
    body: { error: { message: 'tool_choice required is not supported', code: 501 } },
    expected: { status: 502, code: 'upstream_not_implemented', retryable: true },
  },
  {
    name: 'a web server without the API',
    status: 404,
    body: '<html><title>404 Not Found</title></html>',
    expected: { status: 502, code: 'upstream_error', origin: 'upstream' },
  },
  {
    name: 'a redirect',
    status: 302,
    body: '',
    expected: {
      status: 502,
      code: 'upstream_error',
      message: 'The provider answered with a redirect, which is not followed.',
    },
  },
  {
    name: 'an error under a 200, by its number',
    status: 200,
    body: { object: 'error', message: 'Boom', type: 'InternalServerError', code: 500 },
    expected: { status: 502, code: 'upstream_error', message: 'Boom', retryable: true },
  },
  {
    name: 'an error under a 200, by its word',
    status: 200,
    body: { error: { message: 'Slow down', type: 'requests', code: 'rate_limit_exceeded' } },
    expected: { status: 429, code: 'rate_limit_exceeded' },
  },
  {
    name: 'the flat error event',
    status: 200,
    body: { type: 'error', code: 'server_error', message: 'Sorry', param: null, sequence_number: 3 },
    expected: { status: 502, code: 'upstream_error', message: 'Sorry' },
  },
  {
    name: 'the failed event',
    status: 200,
    body: {
      type: 'response.failed',
      response: { status: 'failed', error: { code: 'rate_limit_exceeded', message: 'Slow' } },
    },
    expected: { status: 429, message: 'Slow' },
  },
  {
    name: 'a list around the error',
    status: 400,
    body: [{ error: { code: 400, message: 'Wrong.', status: 'INVALID_ARGUMENT' } }],
    expected: { status: 400, message: 'Wrong.' },
  },
  {
    name: 'problem details',
    status: 400,
    body: { title: 'Bad Request', status: 400, detail: 'The field is wrong.' },
    expected: { status: 400, message: 'The field is wrong.' },
  },
]

for (const { name, status, headers = {}, body, expected } of cases) {
  test(name, () => {
    const failure = readFailure(status, headers, body)
    assert.deepEqual({ ...failure, ...expected }, failure)
    assert.ok(failure.message.length > 0)
  })
}

test('a refused key says whose it is, and nothing of it', () => {
  const { message } = readFailure(
    401,
    {},
    { error: { message: 'Incorrect API key provided: sk-proj-abc123' } },
  )
  assert.equal(message.includes('sk-'), false)
  assert.match(message, /yours was fine/)
})

const leaks: [string, string][] = [
  ['key sk-proj-AbCdEf0123456789 is bad', 'AbCdEf0123456789'],
  ['header Authorization: Bearer abc.def.ghi was sent', 'abc.def.ghi'],
  ['connect http://10.1.2.3:8000/v1/internal failed', '10.1.2.3'],
  ['worker vllm-0.vllm.svc.cluster.local:8000 died', 'vllm-0'],
  ['Boom\nTraceback (most recent call last):\n  File "/opt/app/main.py", line 3', 'main.py'],
  ['Error: x\n    at handler (/srv/app/index.js:1:2)', 'index.js'],
  ['cannot read /home/worker/config.yaml', 'config.yaml'],
  ['api_key="abcdef123456" is expired', 'abcdef123456'],
  ['see https://api.provider.example/11111111-2222-3333-4444-555555555555/v1', '11111111'],
  ['redis://user:pass1@cache:6379/0 is down', 'pass1'],
]
for (const [text, secret] of leaks) {
  test(`a message does not tell: ${JSON.stringify(text)}`, () => {
    const { message } = readFailure(500, {}, { error: { message: text } })
    assert.equal(message.includes(secret), false, message)
  })
}

test('addresses of documentation stay', () => {
  const { message } = readFailure(
    400,
    {},
    { error: { message: 'See https://platform.openai.com/docs/errors.' } },
  )
  assert.equal(message, 'See https://platform.openai.com/docs/errors.')
})

test('words that only look like keys stay', () => {
  for (const text of [
    'Invalid task-specific value',
    'max_output_tokens: 9000000 is too many',
    'Expected token: string',
  ])
    assert.equal(readFailure(400, {}, { error: { message: text } }).message, text)
})

test('a message is one line of at most 500 characters', () => {
  const { message } = readFailure(500, {}, `${'line\n\u0007'.repeat(10_000)}`)
  assert.ok(message.length <= 500)
  for (const control of ['\r', '\n', '\u0007']) assert.equal(message.includes(control), false)
})

test('every variant reads failures, whatever the body', () => {
  const bodies = [
    undefined,
    null,
    0,
    true,
    '',
    'x',
    [],
    [[]],
    {},
    { error: null },
    { error: [] },
    { detail: {} },
    { detail: [1] },
    { error: { error: {} } },
  ]
  for (const { failure } of Object.values(translators))
    for (const status of [0, 200, 302, 400, 418, 451, 500, 599, 999])
      for (const body of bodies) {
        const told = failure(status, {}, body)
        assert.ok(told.status >= 400 && told.status <= 599, `${status} ${JSON.stringify(body)}`)
        assert.ok(told.message.length > 0)
      }
})
