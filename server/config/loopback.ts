import { isIPv4 } from 'node:net'

/** Whether only this machine can reach a listener on the host: `127.0.0.0/8`, `::1` or `localhost`. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  if (bare === 'localhost' || bare === '::1' || bare === '0:0:0:0:0:0:0:1') return true
  const address = bare.replace(/^::ffff:/, '')
  return isIPv4(address) && address.startsWith('127.')
}
