import type { IncomingMessage } from 'node:http'
import { isLoopback } from '../config/loopback.ts'
import type { Runtime } from '../config/runtime.ts'
import { GatewayError } from '../errors.ts'

/**
 * Keeps web pages out of a gateway that is open because it listens on loopback only: a page in the operator's browser
 * could reach it as well, by a name of its own that resolves to 127.0.0.1 (DNS rebinding) or across origins. Such
 * requests name the page's host in `Host` or `Origin`. Where keys are configured, the keys decide.
 * @throws GatewayError `permission_denied` (403)
 */
export function guardOrigin(runtime: Runtime, headers: IncomingMessage['headers']): void {
  if (runtime.keys.size > 0 && runtime.admin.keyHash !== null) return
  const { host, origin } = headers
  if (isLocal(`http://${host ?? ''}`, runtime) && (origin === undefined || isLocal(origin, runtime))) return
  throw new GatewayError(
    'permission_denied',
    'This gateway has no keys and answers calls to localhost only. Configure a project key and an admin key to call it by another name or from a web page.',
  )
}

function isLocal(url: string, { listen }: Runtime): boolean {
  if (!URL.canParse(url)) return false
  const { hostname } = new URL(url)
  return isLoopback(hostname) || hostname === listen.host
}
