/** Telling a provider that its own background response is not wanted any more. */

import type { UpstreamJob } from '../gateway/background.ts'
import { selectCandidates } from '../gateway/candidates.ts'
import type { JobsDependencies } from './dependencies.ts'
import type { KeptRequest } from './kept-request.ts'

/** Milliseconds that the call may take: nothing depends on it. */
const patience = 10_000

/** Best effort: where the provider documents no way, or cannot be reached, its response runs to its end for nothing. */
export async function cancelUpstream(
  { runtime, resolveModel, client }: JobsDependencies,
  { kept, upstream }: { kept: KeptRequest; upstream: UpstreamJob },
): Promise<void> {
  const { request, caller, unsupported } = kept
  const current = runtime()
  const candidate = selectCandidates({
    runtime: current,
    request,
    resolved: resolveModel(current, request.model),
    projectId: caller.projectId,
    unsupported,
    idempotencyKey: null,
  }).find(({ provider, target }) => provider.id === upstream.provider && target.model === upstream.model)
  const call = candidate?.provider.translator.poll?.cancel?.(upstream.id, candidate.target)
  if (candidate === undefined || call === undefined) return
  const { timeouts, maxConnections } = candidate.provider
  await new Promise<void>((resolve) => {
    client.send(
      { ...call, body: null, timeouts: { ...timeouts, total: patience }, maxConnections },
      { onHead() {}, onData() {}, onEnd: () => resolve(), onError: () => resolve() },
    )
  })
}
