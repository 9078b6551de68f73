import { html, nothing, type TemplateResult } from 'lit'
import type { AdminAdaptation, AdminRequest } from '../../server/http/admin/contract.ts'
import { formatPlural } from '../model/format.ts'
import { describeState, groupAdaptations } from '../model/state.ts'

/** What the gateway did with what it keeps, and what it changed for the provider. */
export function renderAdaptations({ adaptations }: AdminRequest) {
  const { state, changes } = groupAdaptations(adaptations)
  return [
    renderGroup('Done by the gateway with what it keeps', state, describeState),
    renderGroup(
      `${formatPlural(changes.length, 'adaptation')} to what the provider can take`,
      changes,
      ({ detail }) => detail,
    ),
  ]
}

function renderGroup(
  heading: string,
  adaptations: readonly AdminAdaptation[],
  describe: (adaptation: AdminAdaptation) => string,
): TemplateResult | typeof nothing {
  if (adaptations.length === 0) return nothing
  return html`<section class="card">
    <header><h2>${heading}</h2></header>
    <ul class="adaptations">
      ${adaptations.map(
        (adaptation) => html`<li>
          <span class="badge ${isLoss(adaptation) ? 'warn' : 'busy'}">${adaptation.action}</span>
          <code>${adaptation.field}</code><span class="soft">${describe(adaptation)}</span>
        </li>`,
      )}
    </ul>
  </section>`
}

function isLoss({ action }: AdminAdaptation): boolean {
  return action === 'dropped' || action === 'clamped'
}
