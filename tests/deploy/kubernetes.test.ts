/** The manifests against the image, the alert rules and each other. */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { parse, parseAllDocuments } from 'yaml'
import { deployFolder, listRules, readDeployed } from './deployed.ts'
import { lastOf, readDockerfile, readPairs } from './dockerfile.ts'

interface Probe {
  httpGet: { path: string; port: string }
}

interface Container {
  image: string
  env?: object[]
  ports: { name: string; containerPort: number }[]
  securityContext: Record<string, unknown>
  startupProbe: Probe
  livenessProbe: Probe
  readinessProbe: Probe
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[]
}

interface Pod {
  securityContext: Record<string, unknown>
  terminationGracePeriodSeconds: number
  containers: Container[]
  volumes: { name: string; configMap?: { name: string }; persistentVolumeClaim?: { claimName: string } }[]
}

interface Resource {
  kind: string
  metadata: { name: string; labels: Record<string, string> }
  spec: Record<string, unknown>
}

function readResources(path: string): Resource[] {
  return parseAllDocuments(readDeployed(path)).map((document) => document.toJS() as Resource)
}

const resources = readResources('kubernetes/gateway.yaml')
const find = (kind: string) => resources.find((resource) => resource.kind === kind)!
const deployment = find('Deployment').spec as {
  replicas: number
  strategy: { type: string }
  template: { spec: Pod }
}
const pod = deployment.template.spec
const [container] = pod.containers as [Container]
const image = readDockerfile(readDeployed('Dockerfile')).stages.at(-1)!
const folders = (path: string) => parse(readDeployed(`${path}kustomization.yaml`)) as Record<string, unknown>

describe('the manifests', () => {
  it('run one gateway on one volume, and never two', () => {
    assert.equal(deployment.replicas, 1)
    assert.equal(deployment.strategy.type, 'Recreate')
    const data = pod.volumes.find(({ persistentVolumeClaim }) => persistentVolumeClaim !== undefined)
    assert.equal(data?.persistentVolumeClaim?.claimName, find('PersistentVolumeClaim').metadata.name)
    const mount = container.volumeMounts.find(({ name }) => name === data?.name)
    assert.equal(mount?.mountPath, lastOf(image, 'VOLUME').rest)
  })
  it('give the volume the size that the alert rules go by', () => {
    const { resources: asked } = find('PersistentVolumeClaim').spec as {
      resources: { requests: { storage: string } }
    }
    const size = Number(/^(\d+)Gi$/.exec(asked.requests.storage)?.[1])
    for (const name of ['DragomanStoreGrowing', 'DragomanStoreNearlyFull']) {
      const rule = listRules().find(({ alert }) => alert === name)
      assert.match(rule?.expr ?? '', new RegExp(`\\b${size} \\* 1024 \\^ 3`))
      assert.match(rule?.annotations?.summary ?? '', new RegExp(`\\b${size} GiB`))
    }
  })
  it('run as the image does, without privileges, on a read-only root', () => {
    const { runAsNonRoot, runAsUser, runAsGroup, fsGroup } = pod.securityContext
    assert.equal(runAsNonRoot, true)
    assert.equal(`${runAsUser}:${runAsGroup}`, lastOf(image, 'USER').rest)
    assert.equal(fsGroup, runAsGroup)
    assert.equal(container.securityContext.readOnlyRootFilesystem, true)
    assert.equal(container.securityContext.allowPrivilegeEscalation, false)
    assert.deepEqual(container.securityContext.capabilities, { drop: ['ALL'] })
    assert.ok(container.volumeMounts.some(({ mountPath }) => mountPath === '/tmp'))
  })
  it('ask and expose the port of the image', () => {
    const port = container.ports.find(
      ({ containerPort }) => `${containerPort}` === lastOf(image, 'EXPOSE').rest,
    )
    assert.ok(port)
    for (const { httpGet } of [container.startupProbe, container.livenessProbe, container.readinessProbe])
      assert.deepEqual(httpGet, { path: '/healthz', port: port.name })
    const { ports, selector } = find('Service').spec as { ports: { targetPort: string }[]; selector: object }
    assert.equal(ports[0]?.targetPort, port.name)
    assert.deepEqual(selector, find('Deployment').metadata.labels)
    assert.ok(pod.terminationGracePeriodSeconds > 30)
  })
  it('put the configuration where the image looks for it', () => {
    const { configMapGenerator } = folders('') as { configMapGenerator: { name: string; files: string[] }[] }
    const volume = pod.volumes.find(({ configMap }) => configMap?.name === configMapGenerator[0]?.name)
    const mount = container.volumeMounts.find(({ name }) => name === volume?.name)
    const path = readPairs(lastOf(image, 'ENV').rest).DRAGOMAN_CONFIG
    assert.equal(`${mount?.mountPath}/${configMapGenerator[0]?.files[0]}`, path)
  })
  it('make the job that the rules and dashboards go by', () => {
    const [monitor] = readResources('kubernetes/monitoring/service-monitor.yaml') as [Resource]
    const { jobLabel, selector, endpoints } = monitor.spec as {
      jobLabel: string
      selector: { matchLabels: Record<string, string> }
      endpoints: { port: string; path: string }[]
    }
    const service = find('Service')
    assert.deepEqual(selector.matchLabels, service.metadata.labels)
    assert.equal(service.metadata.labels[jobLabel], 'dragoman')
    const { ports } = service.spec as { ports: { name: string }[] }
    assert.equal(endpoints[0]?.port, ports[0]?.name)
    assert.equal(endpoints[0]?.path, '/metrics')
  })
  it('hold every dashboard', () => {
    const { configMapGenerator } = folders('grafana/') as { configMapGenerator: { files: string[] }[] }
    const files = readdirSync(`${deployFolder}grafana/dashboards`).map((file) => `dashboards/${file}`)
    assert.deepEqual(configMapGenerator[0]?.files.toSorted(), files.toSorted())
  })
})

const hasKubectl = spawnSync('kubectl', ['version', '--client'], { stdio: 'ignore' }).status === 0
describe('kustomize', { skip: hasKubectl ? false : 'kubectl is not installed on this machine' }, () => {
  const build = async (path: string, from = deployFolder) => {
    const { stdout } = await promisify(execFile)('kubectl', ['kustomize', `${from}${path}`], {
      maxBuffer: 2 ** 24,
    })
    return parseAllDocuments(stdout).map((document) => document.toJS() as Resource)
  }
  it('builds the gateway, with the configuration under the name that the pod asks for', async () => {
    const built = await build('')
    assert.deepEqual(built.map(({ kind }) => kind).sort(), [
      'ConfigMap',
      'Deployment',
      'PersistentVolumeClaim',
      'Service',
    ])
    const { spec } = built.find(({ kind }) => kind === 'Deployment')!
    const { template } = spec as { template: { spec: Pod } }
    const named = template.spec.volumes.find(({ configMap }) => configMap !== undefined)?.configMap?.name
    assert.equal(named, built.find(({ kind }) => kind === 'ConfigMap')?.metadata.name)
  })
  it('builds two gateways on PostgreSQL, once the component is taken in', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dragoman-kustomize-'))
    await cp(deployFolder, folder, { recursive: true })
    const file = join(folder, 'kustomization.yaml')
    const text = await readFile(file, 'utf8')
    await writeFile(file, text.replace(/^# (components:)\n# ( {2}- .*)$/m, '$1\n$2'))
    const built = await build('', `${folder}/`).finally(() => rm(folder, { recursive: true }))
    assert.deepEqual(built.map(({ kind }) => kind).sort(), [
      'ConfigMap',
      'Deployment',
      'PodDisruptionBudget',
      'Service',
    ])
    const { spec } = built.find(({ kind }) => kind === 'Deployment')!
    const { replicas, strategy, template } = spec as typeof deployment
    assert.deepEqual(
      [replicas, strategy],
      [2, { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }],
    )
    const [gateway] = template.spec.containers as [Container]
    // The database decides who gets traffic, and never who is restarted.
    assert.equal(gateway.readinessProbe.httpGet.path, '/readyz')
    assert.equal(gateway.livenessProbe.httpGet.path, '/healthz')
    assert.deepEqual(gateway.env, [
      {
        name: 'DRAGOMAN_STORE',
        valueFrom: { secretKeyRef: { key: 'DRAGOMAN_STORE', name: 'dragoman' } },
      },
    ])
    const data = template.spec.volumes.find(({ name }) => name === 'data')
    assert.deepEqual(data, { name: 'data', emptyDir: { sizeLimit: '64Mi' } })
    assert.equal(JSON.stringify(spec).includes('$'), false, 'no instruction of a patch is left over')
    const budget = built.find(({ kind }) => kind === 'PodDisruptionBudget')!
    assert.deepEqual((budget.spec as { selector: object }).selector, (spec as { selector: object }).selector)
  })
  it('builds the monitoring', async () => {
    const kinds = (await build('kubernetes/monitoring')).map(({ kind }) => kind).sort()
    assert.deepEqual(kinds, ['ConfigMap', 'PrometheusRule', 'ServiceMonitor'])
  })
})
