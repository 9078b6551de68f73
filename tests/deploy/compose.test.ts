/** compose.yaml against the files that it mounts, the image that it builds, and the programs that it joins. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { loadConfigFile } from '../../server/config/load.ts'
import { deployFolder, readDeployed } from './deployed.ts'
import { lastOf, readDockerfile, readPairs } from './dockerfile.ts'

interface Mount {
  type: string
  source: string
  target: string
}

interface Service {
  build?: { context: string; dockerfile: string }
  image: string
  command?: string[]
  environment?: Record<string, string>
  volumes: (string | Mount)[]
  ports?: string[]
  healthcheck?: object
  tmpfs?: string[]
  depends_on?: string[] | Record<string, unknown>
  read_only?: boolean
  cap_drop?: string[]
  security_opt?: string[]
  stop_grace_period?: string
}

const text = readDeployed('compose.yaml')
const compose = parse(text) as { services: Record<string, Service>; volumes: Record<string, null> }
const { gateway, prometheus, grafana, postgres } = compose.services as Record<
  'gateway' | 'prometheus' | 'grafana' | 'postgres',
  Service
>
const image = readDockerfile(readDeployed('Dockerfile')).stages.at(-1)!
const example = new Set(
  [...readDeployed('.env.example').matchAll(/^(?:# )?(\w+)=/gm)].map((match) => match[1] as string),
)
const config = () => {
  const keys = { DRAGOMAN_ADMIN_KEY: 'admin-key-1234', DRAGOMAN_KEY: 'client-key-1234' }
  const env = { ...keys, OPENAI_API_KEY: '', ...readPairs(lastOf(image, 'ENV').rest) }
  return loadConfigFile({ path: join(deployFolder, 'config.json'), env, overrides: { host: '0.0.0.0' } })
}

function mountsOf({ volumes }: Service): Mount[] {
  return volumes.map((volume) => {
    if (typeof volume !== 'string') return volume
    const [source = '', target = ''] = volume.split(':')
    return { type: source.startsWith('.') ? 'bind' : 'volume', source, target }
  })
}

/** Where a file of `deploy/` is inside a container. */
function inside(service: Service, file: string): string {
  const mount = mountsOf(service).find(({ source }) => join('./', file).startsWith(join('./', source)))
  assert.ok(mount, `${file} is not mounted`)
  return posix.join(mount.target, join('./', file).slice(join('./', mount.source).length))
}

describe('compose.yaml', () => {
  for (const [name, service] of Object.entries(compose.services)) {
    it(`${name}: mounts what is there, on an image with a version, without privileges`, () => {
      for (const { type, source } of mountsOf(service)) {
        if (type === 'bind') assert.ok(existsSync(join(deployFolder, source)), `${source} is not there`)
        else assert.ok(source in compose.volumes, `volume ${source} is not declared`)
      }
      if (service.build === undefined) assert.match(service.image, /^[\w/]+:v?\d+\.\d+(?:\.\d+)?$/)
      else assert.ok(existsSync(join(deployFolder, service.build.context, service.build.dockerfile)))
      assert.deepEqual(service.cap_drop, ['ALL'])
      assert.deepEqual(service.security_opt, ['no-new-privileges:true'])
      for (const other of Array.isArray(service.depends_on)
        ? service.depends_on
        : Object.keys(service.depends_on ?? {}))
        assert.ok(other in compose.services, other)
    })
  }
  it('the gateway waits for its database, and finds it', () => {
    const url = /:-(postgres:.*)\}$/.exec(gateway.environment?.DRAGOMAN_STORE ?? '')?.[1] ?? ''
    const { hostname, port, username, pathname } = new URL(url.replace(/\$\{[^}]*\}/, 'secret'))
    assert.equal(compose.services[hostname], postgres)
    assert.equal(port, '5432')
    const { POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD } = postgres.environment ?? {}
    assert.deepEqual([username, pathname.slice(1)], [POSTGRES_USER, POSTGRES_DB])
    assert.ok(url.includes(POSTGRES_PASSWORD ?? '-'))
    assert.deepEqual((gateway.depends_on as Record<string, unknown>)[hostname], {
      condition: 'service_healthy',
    })
    assert.ok(postgres.healthcheck)
    assert.equal(postgres.ports, undefined, 'nobody else reaches it')
    const major = Number(/:(\d+)/.exec(postgres.image)?.[1])
    assert.equal(
      mountsOf(postgres)[0]?.target,
      major >= 18 ? '/var/lib/postgresql' : '/var/lib/postgresql/data',
    )
  })
  it('opens nothing to other machines unless told to', () => {
    for (const { ports = [] } of Object.values(compose.services))
      for (const port of ports)
        assert.match(port, /^(?:127\.0\.0\.1|\$\{DRAGOMAN_ADDRESS:-127\.0\.0\.1\}):\d+:\d+$/)
  })
  it('every variable stands in .env.example, and every key that config.json names', () => {
    const named = [...text.matchAll(/\$\{(\w+)/g), ...readDeployed('config.json').matchAll(/\$\{(\w+)\}/g)]
    for (const [, name = ''] of named) assert.ok(example.has(name), `${name} is not in .env.example`)
  })
  it('the gateway: the rest is read-only, and its data, configuration and port are where the image has them', () => {
    assert.equal(gateway.read_only, true)
    assert.match(gateway.tmpfs?.[0] ?? '', /^\/tmp:/)
    const mounts = mountsOf(gateway)
    assert.ok(mounts.some(({ type, target }) => type === 'volume' && target === lastOf(image, 'VOLUME').rest))
    assert.equal(inside(gateway, 'config.json'), readPairs(lastOf(image, 'ENV').rest).DRAGOMAN_CONFIG)
    assert.ok(gateway.ports?.[0]?.endsWith(`:${lastOf(image, 'EXPOSE').rest}`))
    const grace = Number(/^(\d+)s$/.exec(gateway.stop_grace_period ?? '')?.[1])
    assert.ok(grace * 1000 > config().limits.drainTimeout, 'requests in flight may end')
  })
  it('the configuration opens with its keys, and lacks only those of the providers', () => {
    const { projects, warnings, providers } = config()
    assert.equal(projects.size, 1)
    const lacking = [...providers.values()].flatMap(({ missing }) => missing)
    assert.equal(lacking.length, providers.size)
    assert.equal(warnings.filter((warning) => !lacking.some((name) => warning.includes(name))).length, 0)
  })
  it('Prometheus reads the rules and scrapes the gateway', () => {
    interface File {
      rule_files: string[]
      scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[]
    }
    const file = parse(readDeployed('prometheus/prometheus.yaml')) as File
    assert.ok(
      prometheus.command?.includes(`--config.file=${inside(prometheus, 'prometheus/prometheus.yaml')}`),
    )
    assert.equal(
      posix.dirname(file.rule_files[0]!),
      posix.dirname(inside(prometheus, 'prometheus/rules/dragoman.yaml')),
    )
    const job = file.scrape_configs.find(({ job_name }) => job_name === 'dragoman')
    assert.deepEqual(job?.static_configs[0]?.targets, [`gateway:${lastOf(image, 'EXPOSE').rest}`])
  })
  it('Grafana finds Prometheus and the dashboards', () => {
    const sources = parse(readDeployed('grafana/provisioning/datasources/prometheus.yaml')) as {
      datasources: { url: string; type: string }[]
    }
    const { hostname, port } = new URL(sources.datasources[0]!.url)
    assert.ok(compose.services[hostname]?.ports?.[0]?.endsWith(`:${port}`))
    const provisioned = parse(readDeployed('grafana/provisioning/dashboards/dragoman.yaml')) as {
      providers: { options: { path: string } }[]
    }
    const home = inside(grafana, 'grafana/dashboards/dragoman-overview.json')
    assert.equal(provisioned.providers[0]?.options.path, posix.dirname(home))
    assert.equal(grafana.environment?.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH, home)
    assert.ok(
      inside(grafana, 'grafana/provisioning/dashboards/dragoman.yaml').startsWith(
        '/etc/grafana/provisioning/',
      ),
    )
  })
})

it('the README names files that are there', () => {
  const readme = readFileSync(join(deployFolder, '../README.md'), 'utf8')
  const chapter = readme.split('\n## Deploy\n')[1]?.split('\n## ')[0] ?? ''
  const paths = [...chapter.matchAll(/\bdeploy\/[\w./*-]*\w/g)].map(([path]) => path)
  assert.ok(paths.length >= 8)
  for (const path of paths.filter((path) => path !== 'deploy/.env'))
    assert.notEqual(globSync(path, { cwd: join(deployFolder, '..') }).length, 0, path)
})

const hasCompose = spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' }).status === 0
it('docker compose understands it', {
  skip: hasCompose ? false : 'docker compose is not installed on this machine',
}, () => {
  const secrets = {
    DRAGOMAN_ADMIN_KEY: 'a',
    DRAGOMAN_KEY: 'b',
    GRAFANA_PASSWORD: 'c',
    POSTGRES_PASSWORD: 'd',
  }
  const env = { ...process.env, ...secrets }
  const files = ['--env-file', `${deployFolder}.env.example`, '-f', `${deployFolder}compose.yaml`]
  const { status, stderr } = spawnSync('docker', ['compose', ...files, 'config', '--quiet'], {
    env,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
})
