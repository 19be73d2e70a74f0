import { type Edit, type Node, nodesOf } from './syntax.ts';

/** A text with probes, and a mapping from code to the probe that runs with it. */
export interface Probed {
  readonly text: string;
  /** The number of the innermost probe around this edit. */
  probeOf(edit: Edit): number;
}

interface Place {
  readonly start: number;
  readonly end: number;
  readonly before: string;
  readonly after: string;
}

const LISTS = new Set(['Program', 'BlockStatement', 'StaticBlock', 'SwitchCase']);

/**
 * Puts a call of `globalThis.__mutationHit(number)` before every statement and into the body of every arrow function,
 * numbered from `first`.
 */
export function withProbes(text: string, first: number): Probed {
  const places = nodesOf(text).flatMap(({ node, parents }) => placeOf(node, parents.at(-1)) ?? []);
  const inserts = places.flatMap(({ start, end, before, after }, index) => [
    { at: start, order: index, text: before.replace('#', `globalThis.__mutationHit(${first + index})`) },
    // Closed in reverse order of opening.
    { at: end, order: -index, text: after },
  ]);
  inserts.sort((a, b) => b.at - a.at || b.order - a.order);
  let probed = text;
  for (const each of inserts) probed = probed.slice(0, each.at) + each.text + probed.slice(each.at);
  return {
    text: probed,
    probeOf: ({ start, end }) =>
      first + places.findLastIndex((place) => place.start <= start && end <= place.end),
  };
}

function placeOf(node: Node, parent: Node | undefined): Place | undefined {
  if (parent === undefined) return undefined;
  const { start, end } = node;
  if (
    parent.type === 'ArrowFunctionExpression' &&
    parent['body'] === node &&
    node.type !== 'BlockStatement'
  ) {
    return { start, end, before: '(#, ', after: ')' };
  }
  if (!/(Statement|Declaration)$/.test(node.type) || node.type === 'BlockStatement') return undefined;
  if (LISTS.has(parent.type)) {
    return /^(Import|Export(All|Default))/.test(node.type)
      ? undefined
      : { start, end, before: '#; ', after: '' };
  }
  const alone = ['consequent', 'alternate', 'body'].some((key) => parent[key] === node);
  return alone && parent.type !== 'LabeledStatement'
    ? { start, end, before: '{ #; ', after: ' }' }
    : undefined;
}
