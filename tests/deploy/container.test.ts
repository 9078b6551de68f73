/** The image, as far as it can be tried without one: its file, and a gateway that runs on nothing but what the image holds. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadConfigFile } from '../../server/config/load.ts'
import { parseStoreUrl } from '../../server/store/store-url.ts'
import { findPort } from '../support/free-port.ts'
import { deployFolder, readDeployed } from './deployed.ts'
import { isIgnored, lastOf, readDockerfile, readPairs } from './dockerfile.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const ignoreFile = readFileSync(join(root, '.dockerignore'), 'utf8')
const packageFile = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const { args, stages } = readDockerfile(readDeployed('Dockerfile'))
const image = stages.at(-1)!
const env = Object.assign(
  {},
  ...image.instructions.filter(({ keyword }) => keyword === 'ENV').map(({ rest }) => readPairs(rest)),
)
const entrypoint = JSON.parse(lastOf(image, 'ENTRYPOINT').rest) as string[]
const workFolder = lastOf(image, 'WORKDIR').rest
const healthcheck = JSON.parse(lastOf(image, 'HEALTHCHECK').rest.replace('CMD ', '')) as string[]
/** What config.json names, so that the gateway is open to nobody without it. */
const keys = { DRAGOMAN_ADMIN_KEY: 'admin-key-1234', DRAGOMAN_KEY: 'client-key-1234', OPENAI_API_KEY: '' }

describe('Dockerfile', () => {
  it('is made of images with a version, the one that the tests run on', () => {
    assert.equal(args.NODE_VERSION, packageFile.devDependencies.node)
    for (const stage of stages) assert.match(stage.image, /^node:\d+\.\d+\.\d+-slim$/)
  })
  it('copies what is there, and from stages that are there', () => {
    for (const { instructions } of stages)
      for (const { keyword, flags, rest } of instructions) {
        if (keyword !== 'COPY') continue
        const sources = rest.split(/\s+/).slice(0, -1)
        if (flags.from !== undefined)
          assert.ok(
            stages.some(({ name }) => name === flags.from),
            flags.from,
          )
        else
          for (const source of sources) {
            assert.ok(existsSync(join(root, source)), `${source} is not there`)
            assert.ok(!isIgnored(ignoreFile, source), `.dockerignore leaves out ${source}`)
          }
      }
  })
  it('gets neither secrets nor data, nor what it makes itself', () => {
    for (const path of [
      'config.json',
      '.env',
      'deploy/.env',
      'data/dragoman.db',
      '.git/config',
      'node_modules/koa/package.json',
      'dashboard/dist/index.html',
    ])
      assert.ok(isIgnored(ignoreFile, path), path)
    for (const path of [
      'server/index.ts',
      'translators/shared/canonical.ts',
      'dashboard/pages/overview-page.ts',
    ])
      assert.ok(!isIgnored(ignoreFile, path), path)
  })
  it('runs as nobody in particular, and starts as npm start does', () => {
    assert.match(lastOf(image, 'USER').rest, /^[1-9]\d*:[1-9]\d*$/)
    assert.equal(entrypoint.join(' '), packageFile.scripts.start)
  })
  it('keeps its volume where the store is unless the configuration says otherwise', () => {
    const { store } = loadConfigFile({
      path: join(deployFolder, 'config.json'),
      env: { ...env, ...keys },
      overrides: {},
    })
    const place = parseStoreUrl(store.url)
    assert.ok(place.kind === 'file')
    const volume = lastOf(image, 'VOLUME').rest
    assert.equal(join(workFolder, dirname(place.path.slice(process.cwd().length))), volume)
    assert.ok(
      image.instructions.some(({ keyword, rest }) => keyword === 'RUN' && rest.includes(volume)),
      'made by its owner',
    )
  })
  it('installs no package that is for development', () => {
    const stage = stages.find(({ name }) => name === 'dependencies')
    assert.match(lastOf(stage!, 'RUN').rest, /npm ci --omit=dev/)
  })
})

describe('a gateway on what the image holds', () => {
  let folder: string
  let gateway: ChildProcess
  let port: number
  let output = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dragoman-image-'))
    for (const { keyword, rest } of image.instructions) {
      if (keyword !== 'COPY') continue
      const paths = rest
        .split(/\s+/)
        .slice(0, -1)
        .map((path) => path.replace(`${workFolder}/`, ''))
      for (const path of paths)
        if (path === 'node_modules') await linkPackages(folder)
        else await cp(join(root, path), join(folder, path), { recursive: true })
    }
    await mkdir(join(folder, 'data'))
    port = await findPort()
    gateway = spawn(process.execPath, entrypoint.slice(1), { cwd: folder, env: environment() })
    for (const stream of [gateway.stdout, gateway.stderr]) stream?.on('data', (chunk) => (output += chunk))
  })
  after(async () => {
    gateway?.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })

  function environment(): Record<string, string> {
    const config = {
      DRAGOMAN_CONFIG: join(deployFolder, 'config.json'),
      HOST: '127.0.0.1',
      PORT: String(port),
    }
    // Packages are linked, and must find each other here and not where they are linked to.
    return { ...env, ...keys, ...config, NODE_OPTIONS: '--preserve-symlinks' }
  }
  /** The exit code of the health check. */
  function checkHealth(): Promise<number | null> {
    const check = spawn(process.execPath, healthcheck.slice(1), { env: environment() })
    return new Promise((resolve) => check.once('exit', resolve))
  }
  const list = async () =>
    (await readdir(folder, { recursive: true }))
      .filter((path) => !/^(?:data|node_modules)\//.test(path))
      .sort()

  it('becomes healthy, serves the dashboard, writes only data, and ends well', async () => {
    const files = await list()
    let code: number | null = 1
    while (code !== 0) {
      assert.equal(gateway.exitCode, null, output)
      code = await checkHealth()
    }
    const page = await fetch(`http://127.0.0.1:${port}/`)
    assert.match(await page.text(), /<script/)
    const models = await fetch(`http://127.0.0.1:${port}/v1/models`, {
      headers: { authorization: `Bearer ${keys.DRAGOMAN_KEY}` },
    })
    assert.equal(models.status, 200)
    assert.ok((await readdir(join(folder, 'data'))).includes('dragoman.db'))
    const ended = new Promise((resolve) => gateway.once('exit', resolve))
    gateway.kill('SIGTERM')
    assert.equal(await ended, 0, output)
    assert.notEqual(await checkHealth(), 0)
    assert.deepEqual(await list(), files)
  })
})

/** Links the packages that `npm ci --omit=dev` would install, and no other. */
async function linkPackages(folder: string): Promise<void> {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>
  }
  for (const [path, { dev, devOptional }] of Object.entries(lock.packages)) {
    const isTop = path.lastIndexOf('node_modules/') === 0
    if (!isTop || dev === true || devOptional === true || !existsSync(join(root, path))) continue
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await symlink(join(root, path), join(folder, path))
  }
}
