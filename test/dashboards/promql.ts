import { parser } from '@prometheus-io/lezer-promql';

/** A selector in an expression. */
export interface Selector {
  readonly name: string | undefined;
  readonly matchers: readonly Matcher[];
  /** The range in brackets after it. */
  readonly range: string | undefined;
  /** The function it is passed to, including its range. */
  readonly call: string | undefined;
}

export interface Matcher {
  readonly label: string;
  readonly op: string;
  readonly value: string;
}

type Node = ReturnType<typeof parser.parse>['topNode'];

/**
 * Parses an expression with the grammar of Prometheus' own editor.
 * @throws SyntaxError if it is invalid
 */
export function selectorsOf(expr: string): Selector[] {
  const tree = parser.parse(expr);
  const text = (node: Node | null): string => (node === null ? '' : expr.slice(node.from, node.to));
  const found: Selector[] = [];
  if (expr.trim() === '') throw new SyntaxError('an empty expression');
  tree.iterate({
    enter({ node }) {
      if (node.type.isError) throw new SyntaxError(`at ${node.from} of ${expr}`);
      if (node.name !== 'VectorSelector') return;
      const ranged = node.parent?.name === 'MatrixSelector' ? node.parent : null;
      found.push({
        name: text(node.getChild('Identifier')) || undefined,
        matchers: (node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []).map(
          (matcher) => ({
            label: text(matcher.getChild('LabelName')),
            op: text(matcher.getChild('MatchOp')),
            value: unquoted(text(matcher.getChild('StringLiteral'))),
          }),
        ),
        range: ranged === null ? undefined : text(ranged.getChild('DurationExpr')),
        call: ranged === null ? undefined : callOf(ranged, text),
      });
    },
  });
  return found;
}

/**
 * Both operands of an expression whose outermost operator is `and`.
 * @throws SyntaxError for any other operator
 */
export function bothSidesOf(expr: string): readonly [string, string] {
  const outer = parser.parse(expr).topNode.firstChild;
  const left = outer?.firstChild;
  const right = outer?.lastChild;
  if (outer?.name !== 'BinaryExpr' || outer.getChild('And') === null || !left || !right) {
    throw new SyntaxError(`not an "and" of two sides: ${expr}`);
  }
  return [expr.slice(left.from, left.to), expr.slice(right.from, right.to)];
}

/** Whether the value of a label, empty if absent, satisfies a matcher of Prometheus or Alertmanager. */
export function isMatched(own: string, { op, value }: Pick<Matcher, 'op' | 'value'>): boolean {
  const isSame = op.endsWith('~') ? new RegExp(`^(?:${value})$`).test(own) : own === value;
  return op.startsWith('!') ? !isSame : isSame;
}

/** An offset may be applied to a range before it is passed to a function. */
function callOf(ranged: Node, text: (node: Node | null) => string): string | undefined {
  let node: Node | null = ranged.parent;
  while (node !== null && ['OffsetExpr', 'StepInvariantExpr'].includes(node.name)) node = node.parent;
  if (node?.name !== 'FunctionCallBody') return undefined;
  return text(node.parent?.getChild('FunctionIdentifier') ?? null) || undefined;
}

const unquoted = (literal: string): string => literal.slice(1, -1).replaceAll(/\\(.)/g, '$1');
