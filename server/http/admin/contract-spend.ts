/** `/admin/spend`, `/admin/prices`, `/admin/reprice`: what was spent and at which prices. */
export {}
