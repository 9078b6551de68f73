/** Items that a client adds to a conversation itself, as they are kept. */
import type { Item } from '../../../translators/shared/canonical.ts'
import { idPrefix } from '../../../translators/shared/ids.ts'
import { GatewayError } from '../../errors.ts'
import type { ConversationItem, FoundItem, StateStore } from '../../store/state/state.ts'
import { createId } from '../ids.ts'
import { checkArray, isAbsent } from '../validate-request-checks.ts'
import { validateItems } from '../validate-request-input.ts'

/** Items that one call may bring. */
export const maxItems = 20

export interface AddedItem {
  item: Item
  kept: ConversationItem
}

/**
 * The items of a body, checked as those of a request's input, each with an id and a status. An item keeps the id that
 * it was sent with unless `isTaken` says that another has it. References are resolved now: the conversation holds the
 * item that they mean from then on.
 * @throws GatewayError `invalid_request` (400) naming the place.
 */
export async function readAddedItems(
  state: Pick<StateStore, 'findItems'>,
  project: string,
  items: unknown,
  isTaken: (id: string) => Promise<boolean> = async () => false,
): Promise<AddedItem[]> {
  if (isAbsent(items)) return []
  const checked = validateItems(checkArray(items, 'items', maxItems), 'items')
  const found = await resolve(state, project, checked)
  const used = new Set<string>()
  const added: AddedItem[] = []
  for (const { item, provider } of found) {
    const sent = typeof item.id === 'string' && item.id !== '' ? item.id : null
    const id = sent === null || used.has(sent) || (await isTaken(sent)) ? createId(idPrefix(item.type)) : sent
    used.add(id)
    const whole = { ...item, id, status: item.status ?? 'completed' }
    added.push({ item: whole, kept: { id, text: JSON.stringify(whole), provider } })
  }
  return added
}

async function resolve(
  state: Pick<StateStore, 'findItems'>,
  project: string,
  items: readonly Item[],
): Promise<FoundItem[]> {
  const ids = items.filter(({ type }) => type === 'item_reference').map(({ id }) => String(id))
  const found = ids.length === 0 ? null : await state.findItems(project, ids)
  return items.map((item, index) => {
    if (item.type !== 'item_reference') return { item, provider: null }
    const meant = found?.get(String(item.id))
    if (meant !== undefined) return meant
    throw new GatewayError(
      'invalid_request',
      `No item with the id '${String(item.id).slice(0, 80)}' is kept. Send the item itself, or leave it out.`,
      { param: `items[${index}].id`, code: 'item_not_found' },
    )
  })
}
