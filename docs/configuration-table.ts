/** The table of all options for the README, from the configuration's own schema. */

import { configurationSchema } from '../server/config/schema.ts'
import type { SchemaNode } from '../server/config/schema-node.ts'
import { translators } from '../translators/index.ts'

/** One row per option that holds a value, then the options of each variant. */
export function renderConfigurationTable(): string {
  const rows = [...describeNode('', configurationSchema), ...variantRows()]
  return ['| option | default | what it is |', '|---|---|---|', ...rows].join('\n')
}

function describeNode(path: string, node: SchemaNode): string[] {
  if (node.items !== undefined)
    return [...(node.items.properties ? [] : [row(path, node)]), ...describeNode(`${path}[]`, node.items)]
  const members = Object.entries(node.properties ?? {}).filter(([name]) => name !== '$schema')
  const below = members.flatMap(([name, member]) =>
    describeNode(path === '' ? name : `${path}.${name}`, member),
  )
  if (typeof node.additionalProperties === 'object') {
    return [...below, ...describeNode(`${path}.<name>`, node.additionalProperties)]
  }
  if (members.length > 0 && node.type === 'object') return below
  return [row(path, node), ...below]
}

function variantRows(): string[] {
  return Object.values(translators).flatMap(({ id, options }) =>
    Object.entries((options.properties ?? {}) as Record<string, SchemaNode>).map(([name, node]) =>
      row(`providers.<name>.options.${name}`, { ...node, description: `(${id}) ${node.description}` }),
    ),
  )
}

function row(path: string, { description, default: value }: SchemaNode): string {
  const shown = value === undefined ? '' : `\`${JSON.stringify(value)}\``
  const cells = [`\`${path}\``, shown, description]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
}
