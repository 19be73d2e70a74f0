import { type Edit, isNode, type Node, nodesOf, type Visited } from './syntax.ts';

/** A single change of the source that a test should notice. */
export interface Mutant extends Edit {
  readonly file: string;
  readonly line: number;
  /** The original text. */
  readonly from: string;
}

type Change = Edit | false | undefined;

/** All mutants of a file, in the order of its text. */
export function mutantsOf(file: string, text: string): Mutant[] {
  return nodesOf(text)
    .flatMap((visited) => changesOf(visited, text, file))
    .filter((edit) => text.slice(edit.start, edit.end) !== edit.text)
    .map((edit) => ({
      ...edit,
      file,
      line: text.slice(0, edit.start).split('\n').length,
      from: text.slice(edit.start, edit.end),
    }))
    .toSorted((a, b) => a.start - b.start || a.end - b.end);
}

/** Replacements of operators: off-by-one boundaries, reversed comparisons, wrong arithmetic. */
const OPERATORS = new Map(
  Object.entries({
    '<': ['<=', '>='],
    '<=': ['<', '>'],
    '>': ['>=', '<='],
    '>=': ['>', '<'],
    '===': ['!=='],
    '!==': ['==='],
    '+': ['-'],
    '-': ['+'],
    '*': ['/'],
    '/': ['*'],
    '%': ['*'],
    '&&': ['||'],
    '||': ['&&'],
    '+=': ['-='],
    '-=': ['+='],
    '*=': ['/='],
    '/=': ['*='],
  }),
);

/** Methods whose call is removed, so that their input is passed on. */
const LEFT_OUT = new Set([
  ...['filter', 'sort', 'toSorted', 'reverse', 'toReversed', 'slice', 'trim', 'concat', 'toLowerCase'],
]);

const EXCHANGED = new Map(
  Object.entries({
    some: 'every',
    every: 'some',
    min: 'max',
    max: 'min',
    floor: 'ceil',
    ceil: 'floor',
    find: 'findLast',
    startsWith: 'endsWith',
    endsWith: 'startsWith',
  }),
);

/** Replacements in the PromQL of rules. */
const PROMQL: readonly (readonly [RegExp, string])[] = [
  [/ and /g, ' or '],
  [/ or /g, ' and '],
  [/ unless /g, ' and '],
  [/ > /g, ' < '],
  [/ < /g, ' > '],
  [/ >= /g, ' < '],
  [/ <= /g, ' > '],
  [/ == /g, ' != '],
  [/ != /g, ' == '],
  [/ \/ /g, ' * '],
  [/ \* /g, ' / '],
  [/ - /g, ' + '],
  [/ \+ /g, ' - '],
  [/\bsum\b/g, 'max'],
  [/\bmax\b/g, 'min'],
  [/\bcount\b/g, 'sum'],
  [/\brate\(/g, 'idelta('],
  [/\bincrease\(/g, 'rate('],
  [/\bwithout\b/g, 'by'],
];

function changesOf(visited: Visited, text: string, file: string): Edit[] {
  const { node, parents } = visited;
  const all: Change[] = [];
  switch (node.type) {
    case 'BinaryExpression':
    case 'LogicalExpression':
    case 'AssignmentExpression':
      all.push(...operatorsOf(node, text));
      break;
    case 'UnaryExpression':
      if (node['operator'] === '!' || node['operator'] === '-') {
        all.push({ start: node.start, end: node.start + 1, text: '' });
      }
      break;
    case 'UpdateExpression':
      all.push(exchange(node, text, String(node['operator']), node['operator'] === '++' ? '--' : '++'));
      break;
    case 'IfStatement':
    case 'ConditionalExpression':
      all.push(...[true, false].map((value) => replace(node['test'] as Node, String(value))));
      break;
    case 'WhileStatement':
    case 'ForStatement':
      all.push(isNode(node['test']) && replace(node['test'], 'false'));
      break;
    case 'ExpressionStatement':
    case 'ContinueStatement':
      all.push(replace(node, ';'));
      break;
    case 'ReturnStatement':
      all.push(returnOf(node));
      break;
    case 'ThrowStatement':
      all.push(replace(node, ';'));
      break;
    case 'CallExpression':
      all.push(...callsOf(node, parents, text));
      break;
    case 'ArrayExpression':
      all.push((node['elements'] as unknown[]).length > 0 && replace(node, '[]'));
      break;
    case 'Literal':
      all.push(...literalOf(visited, text, file));
      break;
    case 'TemplateLiteral':
      if (isProse(visited)) break;
      all.push(...(isPromql(visited, file) ? promqlOf(node, text) : [replace(node, '``')]));
      break;
  }
  return all.filter((change) => change !== undefined && change !== false);
}

const replace = ({ start, end }: Node, text: string): Edit => ({ start, end, text });

/** Returns nothing, or removes an early return so that the code after it runs. */
function returnOf(node: Node): Change {
  const argument = node['argument'];
  const isUndefined = isNode(argument) && argument['name'] === 'undefined';
  return replace(node, argument === null || isUndefined ? ';' : 'return;');
}

/** Replaces the operator between two operands, but not the operands. */
function exchange(node: Node, text: string, from: string, to: string): Change {
  const left = node['left'] as Node | undefined;
  const at = text.indexOf(from, left?.end ?? node.start);
  return at >= 0 && at < node.end && { start: at, end: at + from.length, text: to };
}

function operatorsOf(node: Node, text: string): Change[] {
  const operator = String(node['operator']);
  // Always uses the fallback.
  if (operator === '??') return [replace(node['left'] as Node, 'undefined')];
  const joinsText = operator === '+' && [node['left'], node['right']].some(isText);
  return joinsText ? [] : (OPERATORS.get(operator) ?? []).map((to) => exchange(node, text, operator, to));
}

function isText(node: unknown): boolean {
  return (
    isNode(node) &&
    (node.type === 'TemplateLiteral' || (node.type === 'Literal' && typeof node['value'] === 'string'))
  );
}

function callsOf(node: Node, parents: readonly Node[], text: string): Change[] {
  const callee = node['callee'] as Node;
  const property = callee['property'] as Node | undefined;
  if (callee.type !== 'MemberExpression' || property?.type !== 'Identifier') return [];
  const name = String(property['name']);
  const dot = text.lastIndexOf(callee['optional'] === true ? '?.' : '.', property.start);
  const to = EXCHANGED.get(name);
  return [
    to !== undefined && replace(property, to),
    // A call that is a whole statement is removed as a statement.
    LEFT_OUT.has(name) &&
      parents.at(-1)?.type !== 'ExpressionStatement' && { start: dot, end: node.end, text: '' },
  ];
}

function literalOf(visited: Visited, text: string, file: string): Change[] {
  const { node, parents } = visited;
  const { value } = node as Node & { value: unknown };
  if (typeof value === 'boolean') return [replace(node, String(!value))];
  if (typeof value === 'number') return [replace(node, String(other(value)))];
  if (typeof node['bigint'] === 'string') return [replace(node, `${other(Number(node['bigint']))}n`)];
  if (typeof value !== 'string' || isProse(visited) || isName(node, parents)) return [];
  if (isPromql(visited, file)) return promqlOf(node, text);
  return [replace(node, value === '' ? "'mutated'" : "''")];
}

/** Off by one for small numbers; doubled where that would make no difference. */
const other = (value: number): number => (value < 10 ? value + 1 : value * 2);

/** Whether the node is a key of an object or an imported module. */
function isName(node: Node, parents: readonly Node[]): boolean {
  const parent = parents.at(-1);
  if (parent === undefined) return true;
  return /^(Import|Export)/.test(parent.type) || parent['key'] === node;
}

/** Fields with prose for documents, which no test of behaviour reads. */
const PROSE = new Set(['help', 'from', 'needs', 'costs']);

/** Whether the text is prose for people, in errors or documents. Snapshots of texts cover it. */
function isProse({ parents }: Visited): boolean {
  return parents.some(
    (parent) =>
      parent.type === 'ThrowStatement' ||
      (parent.type === 'NewExpression' && /Error$/.test(String((parent['callee'] as Node)['name']))) ||
      (parent.type === 'Property' && PROSE.has(String((parent['key'] as Node)['name']))),
  );
}

const TEXTS = new Set(['summary', 'description', 'severity', 'component', 'for', 'alert', 'name', 'unit']);

function isPromql({ parents }: Visited, file: string): boolean {
  if (!/^dashboards\/rules\/(alerts\/|recording)/.test(file)) return false;
  const property = parents.findLast((parent) => parent.type === 'Property');
  return property === undefined || !TEXTS.has(String((property['key'] as Node)['name']));
}

/** Mutants in the literal parts of a string. */
function promqlOf(node: Node, text: string): Edit[] {
  const parts = node.type === 'TemplateLiteral' ? (node['quasis'] as Node[]) : [node];
  return parts.flatMap(({ start, end }) =>
    PROMQL.flatMap(([pattern, to]) =>
      [...text.slice(start, end).matchAll(pattern)].map((match) => ({
        start: start + match.index,
        end: start + match.index + match[0].length,
        text: to,
      })),
    ),
  );
}
