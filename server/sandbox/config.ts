/** The configuration under which the gateway starts on the sandbox: the documented providers, by their loopback addresses. */
import { azureKey } from './deployment.ts'
import { augmentAdminKey } from './general-augment.ts'
import { localKey } from './open-responses.ts'
import { openaiKey } from './openai.ts'
import { sailKey } from './sail.ts'
import { scalewayKey } from './scaleway.ts'
import { sudoKey } from './sudo.ts'

/** In the shape of `config.json`. The credentials are the simulated providers' own and open nothing else. */
export function sandboxConfig(origin: string) {
  return {
    store: { url: 'sqlite:data/sandbox.db' },
    providers: {
      sail: { variant: 'sail', baseUrl: `${origin}/sail/v1`, apiKey: sailKey },
      sudo: { variant: 'sudo', baseUrl: `${origin}/sudo/api/v1`, apiKey: sudoKey },
      scaleway: {
        variant: 'scaleway',
        baseUrl: `${origin}/scaleway/v1`,
        apiKey: scalewayKey,
        projectId: 'sandbox-project',
      },
      augment: {
        variant: 'general-augment',
        baseUrl: `${origin}/augment/v1`,
        adminKey: augmentAdminKey,
        projectId: 'sandbox-project',
      },
      azure: { variant: 'deployment', baseUrl: `${origin}/azure/openai/v1`, apiKey: azureKey, options: {} },
      openai: { variant: 'openai', baseUrl: `${origin}/openai/v1`, apiKey: openaiKey },
      local: { variant: 'open-responses', baseUrl: `${origin}/open-responses/v1`, apiKey: localKey },
    },
    models: {
      'deepseek-ai/DeepSeek-V3.2': { targets: [{ provider: 'sail', model: 'deepseek-ai/DeepSeek-V3.2' }] },
      'openai/gpt-oss-120b': {
        targets: [
          { provider: 'scaleway', model: 'gpt-oss-120b' },
          { provider: 'sail', model: 'openai/gpt-oss-120b' },
        ],
      },
      'openai/gpt-oss-20b': { targets: [{ provider: 'local', model: 'openai/gpt-oss-20b' }] },
      'gpt-4o': { targets: [{ provider: 'sudo', model: 'gpt-4o' }] },
      'gpt-5.2': {
        targets: [
          { provider: 'azure', model: 'gpt-5.2' },
          { provider: 'openai', model: 'gpt-5.2' },
        ],
      },
      'gpt-5-mini': { targets: [{ provider: 'openai', model: 'gpt-5-mini' }] },
      balanced: { targets: [{ provider: 'augment', model: 'balanced' }] },
      'deepseek-ai/*': { targets: [{ provider: 'sail', model: '*' }] },
    },
  }
}

export type SandboxConfig = ReturnType<typeof sandboxConfig>
