/** Reads PromQL by Prometheus' own grammar: which metrics and labels a query names, and what is wrong with it. */
import { parser } from '@prometheus-io/lezer-promql'

/** As its nodes are called in the grammar. */
type SyntaxNode = ReturnType<typeof parser.parse>['topNode']

export interface Matcher {
  label: string
  operator: '=' | '!=' | '=~' | '!~'
  value: string
}

export interface Selector {
  metric: string
  matchers: Matcher[]
  /** Label names of the aggregations around it. */
  grouping: string[]
  /** The function whose argument it is, e.g. `rate`; empty for none. */
  inFunction: string
  /** Whether it has a range: `metric[5m]`. */
  ranged: boolean
}

export interface ReadQuery {
  selectors: Selector[]
  /** Labels that the outermost aggregations keep, `le` left out; null where there is none. */
  kept: string[] | null
}

/** Throws on what the grammar does not know, and where a function's argument lacks its range or has one too many. */
export function readQuery(expr: string): ReadQuery {
  const text = (node: SyntaxNode | null | undefined) => (node ? expr.slice(node.from, node.to) : '')
  const read: ReadQuery = { selectors: [], kept: null }
  const tree = parser.parse(expr)
  // First: what stands around an error is only a guess.
  tree.iterate({
    enter({ from, type }) {
      if (type.isError) throw new Error(`not PromQL at ${from} (${expr.slice(from, from + 20)}): ${expr}`)
    },
  })
  tree.iterate({
    enter({ node, type }) {
      if (type.name === 'GroupingLabels' && node.parent?.name === 'AggregateModifier' && isOutermost(node)) {
        const labels = node.getChildren('LabelName').map(text)
        read.kept = [...(read.kept ?? []), ...labels.filter((label) => label !== 'le')]
      }
      if (type.name === 'AggregateExpr') read.kept ??= []
      if (type.name === 'VectorSelector') read.selectors.push(readSelector(node, text))
    },
  })
  for (const selector of read.selectors) checkRange(selector, expr)
  return read
}

/** Whether the aggregation that a node belongs to lies in no other. */
function isOutermost(node: SyntaxNode): boolean {
  let aggregations = 0
  for (let outer = node.parent; outer !== null; outer = outer.parent)
    if (outer.name === 'AggregateExpr') aggregations += 1
  return aggregations === 1
}

function readSelector(node: SyntaxNode, text: (node: SyntaxNode | null | undefined) => string): Selector {
  const matchers = (node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []).map(
    (matcher) => ({
      label: text(matcher.getChild('LabelName')),
      operator: text(matcher.getChild('MatchOp')) as Matcher['operator'],
      value: JSON.parse(text(matcher.getChild('StringLiteral'))) as string,
    }),
  )
  const grouping: string[] = []
  let inFunction = ''
  for (let outer = node.parent; outer !== null; outer = outer.parent) {
    if (outer.name === 'FunctionCall' && inFunction === '')
      inFunction = text(outer.getChild('FunctionIdentifier'))
    const labels =
      outer.name === 'AggregateExpr' ? outer.getChild('AggregateModifier')?.getChild('GroupingLabels') : null
    grouping.push(...(labels?.getChildren('LabelName') ?? []).map(text))
  }
  const ranged = node.parent?.name === 'MatrixSelector'
  return { metric: text(node.getChild('Identifier')), matchers, grouping, inFunction, ranged }
}

/** Functions of a range of samples; what else the files use takes one sample per series. */
const rangeFunctions = ['rate', 'increase', 'changes', 'predict_linear']

function checkRange({ metric, inFunction, ranged }: Selector, expr: string): void {
  if (rangeFunctions.includes(inFunction) !== ranged)
    throw new Error(
      `${metric} ${ranged ? 'has a range' : 'needs a range'} in ${inFunction || 'no function'}: ${expr}`,
    )
}

/** Whether a label's value passes; an absent label is an empty one. */
export function passes({ operator, value }: Matcher, actual: string): boolean {
  if (operator === '=') return actual === value
  if (operator === '!=') return actual !== value
  const whole = new RegExp(`^(?:${value})$`).test(actual)
  return operator === '=~' ? whole : !whole
}
