/**
 * The document with what stands between `<!-- name -->` and `<!-- /name -->` replaced.
 * @throws when a marker is missing: the fix is to put both back where the section belongs.
 */
export function replaceSection(document: string, name: string, content: string): string {
  const open = `<!-- ${name} -->`
  const start = document.indexOf(open)
  const end = document.indexOf(`<!-- /${name} -->`)
  if (start < 0 || end < start)
    throw new Error(`The markers ${open} and <!-- /${name} --> must stand in the document.`)
  return `${document.slice(0, start + open.length)}\n${content}\n${document.slice(end)}`
}
