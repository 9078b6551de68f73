/** Whether the admin API wants a key, told to the whole page. */

import { ApiError, readAdminKey, saveAdminKey } from '../api/client.ts'

/** `change` when the reader signs in or out, or the API refuses the key. */
export const session = new EventTarget()

let refused = false

/** True when a call was answered with 401: the sign-in page is due. */
export function isSignInDue(): boolean {
  return refused
}

/** True when there is a key to forget. */
export function canSignOut(): boolean {
  return readAdminKey() !== null
}

function announce(): void {
  session.dispatchEvent(new Event('change'))
}

/** Keeps the key while `check` (any call of the API) accepts it; rejects with its ApiError otherwise. */
export async function signIn(key: string, check: () => Promise<unknown>): Promise<void> {
  saveAdminKey(key)
  try {
    await check()
  } catch (thrown) {
    saveAdminKey(null)
    throw thrown
  }
  refused = false
  announce()
}

export function signOut(): void {
  saveAdminKey(null)
  refused = true
  announce()
}

/** Notes a 401; every failed call passes through here. */
export function noteFailure(error: ApiError): void {
  if (error.status !== 401 || refused) return
  refused = true
  announce()
}

/** Any thrown value as an ApiError to show. */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown
  return new ApiError(thrown instanceof Error ? thrown.message : String(thrown), { status: 0 })
}
