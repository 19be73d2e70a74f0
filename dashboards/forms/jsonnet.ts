import { piecesOf } from '../rules/reference.ts';

/** Jsonnet source, emitted verbatim in place of a JSON value. */
export class Jsonnet {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/**
 * Converts a value to Jsonnet, resolving references in strings. A string that is only a reference keeps the type of its
 * target.
 */
export function toJsonnet(value: unknown, indent = ''): string {
  if (value instanceof Jsonnet) return value.text;
  if (typeof value === 'string') return textToJsonnet(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  const parts = Array.isArray(value)
    ? value.map((each) => toJsonnet(each, inner))
    : Object.entries(value).map(([name, each]) => `${keyToJsonnet(name)}: ${toJsonnet(each, inner)}`);
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  if (parts.length === 0) return open + close;
  return `${open}\n${parts.map((part) => `${inner}${part},\n`).join('')}${indent}${close}`;
}

function textToJsonnet(text: string): string {
  return (
    piecesOf(text)
      .map((piece, index) => (index % 2 === 1 ? piece : JSON.stringify(piece)))
      .filter((piece) => piece !== '""')
      .join(' + ') || '""'
  );
}

function keyToJsonnet(name: string): string {
  return piecesOf(name).length === 1 ? JSON.stringify(name) : `[${textToJsonnet(name)}]`;
}
