import { existsSync } from 'node:fs'
import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import packed from '@sparticuz/chromium'
import { type Browser, chromium } from 'playwright-core'

/** Quiet, and able to run as root in a container. */
const options = {
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--disable-dev-shm-usage',
    '--no-zygote',
  ],
  timeout: 180_000,
}

/**
 * A real Chromium, headless. `DRAGOMAN_TEST_BROWSER` names another one; else the packed one on Linux (x64), and the
 * installed Chrome elsewhere. Close it after use.
 */
export async function launchBrowser(): Promise<Browser> {
  const named = process.env.DRAGOMAN_TEST_BROWSER
  if (named) return chromium.launch({ executablePath: named, ...options })
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return chromium.launch({ channel: 'chrome', ...options })
  }
  return chromium.launch({ executablePath: await unpackChromium(), ...options })
}

/** Unpacks the browser once; test files run at the same time, and half a browser must not be started. */
async function unpackChromium(): Promise<string> {
  const lock = join(tmpdir(), 'dragoman-chromium.lock')
  const ready = join(tmpdir(), 'dragoman-chromium.ready')
  const binary = join(tmpdir(), 'chromium')
  packed.setGraphicsMode = false
  for (;;) {
    if (existsSync(ready) && existsSync(binary)) return packed.executablePath()
    if (await takeLock(lock)) break
    await sleep(100)
  }
  try {
    if (!existsSync(ready) || !existsSync(binary)) {
      await rm(binary, { force: true })
      await packed.executablePath()
      await writeFile(ready, '')
    }
    return binary
  } finally {
    await rm(lock, { recursive: true, force: true })
  }
}

const staleMilliseconds = 120_000

async function takeLock(lock: string): Promise<boolean> {
  try {
    await mkdir(lock)
    return true
  } catch {
    // One whose holder was killed must not hold up every later run.
    const held = await stat(lock).catch(() => null)
    if (held && Date.now() - held.mtimeMs > staleMilliseconds)
      await rm(lock, { recursive: true, force: true })
    return false
  }
}
