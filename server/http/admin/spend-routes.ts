/** `/admin/spend`, `/admin/prices`, `/admin/reprice`. */
import type { AdminRoute } from './route.ts'

export function createSpendRoutes(): AdminRoute[] {
  return []
}
