import type { IdempotentAnswer } from '../store/state/state.ts'
import { compactContext } from './compact.ts'
import { countInputTokens } from './input-tokens.ts'
import type { Gateway } from './respond.ts'
import type { SideOptions } from './side-request.ts'
import type { GatewayDependencies } from './work.ts'

/** What is asked of models and providers beside responses. Fills the exchange; the answer is one JSON body. */
export interface SideGateway {
  /** @throws GatewayError when nothing could be compacted. */
  compact(options: SideOptions): Promise<IdempotentAnswer>
  /** @throws GatewayError when the request is wrong, by our rules or the provider's. */
  countInput(options: SideOptions): Promise<IdempotentAnswer>
}

export function createSideGateway(gateway: Gateway, dependencies: GatewayDependencies): SideGateway {
  return {
    compact: (options) => compactContext(gateway, dependencies, options),
    countInput: (options) => countInputTokens(dependencies, options),
  }
}
