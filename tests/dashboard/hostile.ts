/** Runs if it is ever taken for markup. */
export const hostile = `<img src=x onerror="globalThis.hacked=1"><script>globalThis.hacked=1</script></script>`
