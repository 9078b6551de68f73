/** HTTP to the gateway's admin API: the key, JSON, and errors in one shape. */

const storageKey = 'dragoman.admin-key'

/** A call that failed. `status` is 0 when no answer came. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string | null

  constructor(message: string, { status, code = null }: { status: number; code?: string | null }) {
    super(message)
    this.name = 'ApiError'
    this.status = status
    this.code = code
  }
}

/** Kept for this tab only, gone when it is closed. */
export function readAdminKey(): string | null {
  return sessionStorage.getItem(storageKey)
}

export function saveAdminKey(key: string | null): void {
  if (key === null) sessionStorage.removeItem(storageKey)
  else sessionStorage.setItem(storageKey, key)
}

/** GET with the admin key; rejects with an ApiError, or with the signal's AbortError. */
export async function getJson<Answer>(
  path: string,
  {
    query = {},
    signal,
  }: { query?: Record<string, string | number | boolean | undefined>; signal?: AbortSignal } = {},
): Promise<Answer> {
  const response = await send(joinQuery(path, query), signal)
  const text = await response.text()
  if (!response.ok) throw readError(response.status, text)
  try {
    return JSON.parse(text) as Answer
  } catch {
    throw new ApiError('The gateway answered something that is not JSON.', { status: response.status })
  }
}

async function send(path: string, signal: AbortSignal | undefined): Promise<Response> {
  const key = readAdminKey()
  try {
    return await fetch(path, {
      headers: { accept: 'application/json', ...(key === null ? {} : { 'x-admin-key': key }) },
      cache: 'no-store',
      credentials: 'same-origin',
      signal: signal ?? null,
    })
  } catch (thrown) {
    if (signal?.aborted) throw thrown
    throw new ApiError('The gateway does not answer. Is it running?', { status: 0 })
  }
}

function joinQuery(path: string, query: Record<string, string | number | boolean | undefined>): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value))
  }
  const text = parameters.toString()
  return text === '' ? path : `${path}?${text}`
}

function readError(status: number, text: string): ApiError {
  let message = `The gateway answered ${status}.`
  let code: string | null = null
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown; code?: unknown } }
    if (typeof error?.message === 'string') message = error.message
    if (typeof error?.code === 'string') code = error.code
  } catch {
    // A proxy's page, perhaps: the status has to do.
  }
  return new ApiError(message, { status, code })
}
