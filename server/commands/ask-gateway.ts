/** Asks the admin API of the gateway that runs: its store is open for one process only. */
import type { CommandContext, CommandOption } from './command.ts'

export const urlOption: CommandOption = {
  flag: '--url',
  value: '<origin>',
  summary: 'Where the gateway is. Default: as listen says. Its admin key is read from DRAGOMAN_ADMIN_KEY.',
}

export interface AskOptions {
  path: string
  body: unknown
  /** How to start it where none answers, to follow "Start it". */
  hint?: string
}

/** The answer to a `POST`; a text says what went wrong. The gateway is where `--url` says, else where it listens. */
export async function askGateway<Answer extends object>(
  { runtime, options }: Pick<CommandContext, 'runtime' | 'options'>,
  { path, body, hint = '' }: AskOptions,
): Promise<Answer | string> {
  const { host, port } = runtime.listen
  const local =
    host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host
  const origin = (options.get('--url') ?? `http://${local}:${port}`).replace(/\/+$/, '')
  if (!isOrigin(origin)) return `--url must be an origin, like http://127.0.0.1:8787, not "${origin}".`
  const key = process.env.DRAGOMAN_ADMIN_KEY
  if (key && !isHeaderValue(key))
    return 'DRAGOMAN_ADMIN_KEY holds what no header takes, such as a line break. Set it anew.'
  let response: Response
  try {
    response = await fetch(`${origin}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key && { 'x-admin-key': key }) },
      body: JSON.stringify(body),
    })
  } catch {
    return `No gateway answers at ${origin}. Start it${hint}, or say where it is with --url.`
  }
  const answer = (await response.json().catch(() => null)) as
    | (Answer & { error?: { message?: string } })
    | null
  if (response.ok) return answer ?? `What answers at ${origin} is no gateway. Say where it is with --url.`
  const missing = response.status === 401 ? ' Put the admin key into DRAGOMAN_ADMIN_KEY.' : ''
  return `${answer?.error?.message ?? `The gateway answered ${response.status}.`}${missing}`
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}

function isHeaderValue(text: string): boolean {
  try {
    new Headers({ 'x-admin-key': text })
    return true
  } catch {
    return false
  }
}
