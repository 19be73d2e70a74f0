import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAst } from 'rolldown/parseAst';

const ROOT = join(import.meta.dirname, '../..');

/** A string or template in the source; substitutions of a template are shown as `…`. */
export interface SourceText {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** An error as the source constructs it. */
export interface ErrorText extends SourceText {
  readonly error: string;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** TypeScript files of a folder, by their path from the root. */
export function sourcesOf(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file))
    .sort();
}

/** Strings and templates with at least two words: what a user may read. */
export function textsOf(file: string): SourceText[] {
  const { source, nodes } = parsed(file);
  return nodes.flatMap((node) => {
    const text = textOf(node);
    return text?.trim().includes(' ') === true ? [{ file, line: lineOf(source, node.start), text }] : [];
  });
}

/** Comments at the start of a line, one entry per line. */
export function commentsOf(file: string): SourceText[] {
  const source = readFileSync(join(ROOT, file), 'utf8');
  return [...source.matchAll(/^[ \t]*(\/\*[\s\S]*?\*\/|(?:[ \t]*\/\/[^\n]*\n)+)/gm)].map((match) => ({
    file,
    line: lineOf(source, match.index),
    text: (match[1] ?? '').replaceAll(/\s*\n\s*(?:\*|\/\/)?\s*/g, ' ').trim(),
  }));
}

/** Comments of scripts, units and YAML: what follows `#`, or `//` in JavaScript; consecutive lines are one text. */
export function hashCommentsOf(file: string): { readonly line: number; readonly text: string }[] {
  const source = readFileSync(join(ROOT, file), 'utf8');
  return [...source.matchAll(/(?:^[ \t]*(?:#|\/\/)[^\n]*\n)+|[ \t]# [^\n]*/gm)].map(
    ({ 0: comment, index }) => ({
      line: lineOf(source, index),
      text: comment
        .replaceAll(/\s*(?:^|\n|[ \t])\s*(?:#+|\/\/)\s*/g, ' ')
        .replaceAll(/`[^`]*`/g, '`')
        .trim(),
    }),
  );
}

/** Names that a source declares or uses: variables, functions, members, parameters, types. */
export function namesOf(file: string): Set<string> {
  return new Set(
    parsed(file).nodes.flatMap(({ type, name }) =>
      type === 'Identifier' && typeof name === 'string' ? [name] : [],
    ),
  );
}

/** Messages of `new SomethingError(...)`: every text among its arguments, in source order. */
export function errorTextsOf(file: string): ErrorText[] {
  const { source, nodes } = parsed(file);
  return nodes.flatMap((node) => {
    const callee = node['callee'] as Node | undefined;
    const error = callee?.['name'];
    if (node.type !== 'NewExpression' || typeof error !== 'string' || !error.endsWith('Error')) return [];
    return descendants(node['arguments']).flatMap((argument) => {
      const text = textOf(argument);
      return text !== undefined && /\p{L}.* /u.test(text)
        ? [{ file, line: lineOf(source, argument.start), error, text }]
        : [];
    });
  });
}

/** Titles of the tests that run, without those in comments or skipped, individually or with their `describe`. */
export function testTitlesOf(source: string): string[] {
  return titlesIn(parseAst(source, { lang: 'ts' }), source);
}

function titlesIn(value: unknown, source: string): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => titlesIn(each, source));
  if (typeof value !== 'object' || value === null) return [];
  const {
    type,
    callee,
    arguments: [title] = [],
  } = value as { type?: string; callee?: Node; arguments?: Node[] };
  const called = type === 'CallExpression' && callee ? source.slice(callee.start, callee.end) : '';
  if (/^(?:test|kvmTest|describe)\.(?:skip|todo)\b/.test(called)) return [];
  // Conditional tests count, since they run at some time, such as at night.
  const isTest = /^(?:test|kvmTest)(?:\.runIf\(\w+\))?(?:\.each\([\s\S]*\))?$/.test(called);
  const text = isTest && title ? textOf(title) : undefined;
  const below = Object.values(value).flatMap((each) => titlesIn(each, source));
  return text === undefined ? below : [text, ...below];
}

const parsedFiles = new Map<string, { readonly source: string; readonly nodes: readonly Node[] }>();

function parsed(file: string): { readonly source: string; readonly nodes: readonly Node[] } {
  let found = parsedFiles.get(file);
  if (found === undefined) {
    const source = readFileSync(join(ROOT, file), 'utf8');
    found = { source, nodes: descendants(parseAst(source, { lang: 'ts' }, file)) };
    parsedFiles.set(file, found);
  }
  return found;
}

function textOf(node: Node): string | undefined {
  if (node.type === 'Literal' && typeof node['value'] === 'string') return node['value'];
  if (node.type !== 'TemplateLiteral') return undefined;
  const quasis = node['quasis'] as readonly { readonly value: { readonly cooked: string } }[];
  return quasis.map(({ value }) => value.cooked).join('…');
}

function descendants(value: unknown): Node[] {
  if (Array.isArray(value)) return value.flatMap(descendants);
  if (typeof value !== 'object' || value === null) return [];
  const below = Object.values(value).flatMap(descendants);
  return 'type' in value && typeof value.type === 'string' ? [value as Node, ...below] : below;
}

function lineOf(source: string, offset: number): number {
  return source.slice(0, offset).split('\n').length;
}
