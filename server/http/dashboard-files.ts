import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type Koa from 'koa'

/** Nothing inline, nothing from elsewhere, no frame, and no string ever becomes script: model output cannot run. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types lit-html',
].join('; ')

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json',
}

/** Paths that are never a page of the dashboard, so that a wrong API call gets an API's error. */
const notPages = /^\/(?:v1|admin|metrics|healthz|readyz|config\.schema\.json)(?:\/|$)/

/**
 * Serves the built dashboard from memory: its files by name, `index.html` for its pages. A folder that is not there
 * (the build has not run) is served as nothing, since the gateway does not need it.
 */
export async function createDashboardFiles(folder: string): Promise<Koa.Middleware> {
  const files = await readFiles(folder)
  return async (ctx, next) => {
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') return next()
    const isPage = !notPages.test(ctx.path) && extname(ctx.path) === '' && ctx.accepts('html') !== false
    const name = files.has(ctx.path) ? ctx.path : isPage ? '/index.html' : ''
    const content = files.get(name)
    if (content === undefined) return next()
    ctx.set('content-security-policy', contentSecurityPolicy)
    ctx.set('x-content-type-options', 'nosniff')
    ctx.set('referrer-policy', 'no-referrer')
    // Built names hold a hash of their content; the page that names them does not.
    ctx.set(
      'cache-control',
      /-[A-Z0-9]{8}\.\w+$/.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache',
    )
    ctx.set('content-type', types[extname(name)] ?? 'application/octet-stream')
    ctx.body = content
  }
}

async function readFiles(folder: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>()
  let entries: Awaited<ReturnType<typeof list>> = []
  try {
    entries = await list(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    files.set(path.slice(folder.length).replaceAll('\\', '/'), await readFile(path))
  }
  return files
}

function list(folder: string) {
  return readdir(folder, { recursive: true, withFileTypes: true })
}
