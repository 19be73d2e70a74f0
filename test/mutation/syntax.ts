import { parseAst } from 'rolldown/parseAst';

/** A node of the ESTree syntax tree, with its position in the text. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** A node and its ancestors, the nearest last. */
export interface Visited {
  readonly node: Node;
  readonly parents: readonly Node[];
}

/** Every node of TypeScript source text that exists at run time, without types. */
export function nodesOf(text: string): Visited[] {
  const found: Visited[] = [];
  const visit = (node: Node, parents: readonly Node[]): void => {
    if (isType(node)) return;
    found.push({ node, parents });
    for (const child of childrenOf(node)) visit(child, [...parents, node]);
  };
  visit(parseAst(text, { lang: 'ts' }) as unknown as Node, []);
  return found;
}

/** Casts contain an expression that is executed; other TypeScript-only nodes do not. */
const CASTS = new Set(['TSAsExpression', 'TSNonNullExpression', 'TSSatisfiesExpression']);

function isType({ type, importKind, exportKind }: Node): boolean {
  return (type.startsWith('TS') && !CASTS.has(type)) || importKind === 'type' || exportKind === 'type';
}

function childrenOf(node: Node): Node[] {
  return Object.values(node).flat().filter(isNode);
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}

/** A replacement of a part of a text. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export function edited(text: string, { start, end, text: replacement }: Edit): string {
  return text.slice(0, start) + replacement + text.slice(end);
}
