import { isScalar, LineCounter, parseDocument, visit } from 'yaml';
import type { z } from 'zod';
import { ConfigError } from './config-error.ts';

/** Limit of a configuration file: ten thousand hosts take some megabytes. */
const TEXT_MAX_CHARS = 4 * 1024 * 1024;
const FAULTS_MAX = 20;
const MESSAGE_MAX_CHARS = 500;

/**
 * Parses a YAML file and validates it.
 * @throws ConfigError that names file, line and key of each fault
 */
export function parseYaml<S extends z.ZodType>(path: string, text: string, schema: S): z.output<S> {
  const lines = new LineCounter();
  if (text.length > TEXT_MAX_CHARS)
    throw new ConfigError(`${path}: ${text.length} characters are too long; use at most ${TEXT_MAX_CHARS}`);
  // The library's check for duplicate keys is quadratic: a minute for 50,000 keys.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  const faults = [
    ...document.errors.map(({ pos, message }) => ({ at: pos[0], message })),
    ...repeatedKeys(document).map((at) => ({ at, message: 'Map keys must be unique' })),
  ];
  if (faults.length > 0) {
    throw new ConfigError(
      listed(faults, ({ at, message }) => `${path}:${lineAt(at)}: ${explained(message)}`),
    );
  }
  const checked = schema.safeParse(expand(path, document) ?? {});
  if (checked.success) return checked.data;
  throw new ConfigError(
    listed(checked.error.issues, (issue) => {
      const { path: at } = issue;
      const message =
        issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
      // An unknown key is reported on its parent, but the line to fix is the key's.
      const [unknown] = issue.code === 'unrecognized_keys' ? issue.keys : [];
      const place = lineOf(document, unknown === undefined ? at : [...at, unknown], lineAt);
      return `${path}${place === undefined ? '' : `:${place}`}: ${at.length === 0 ? '' : `${at.map(String).join('.')}: `}${explained(message)}`;
    }),
  );
}

/** The first of them, one per line: one mistake can cause as many faults as the file has lines. */
function listed<F>(faults: readonly F[], show: (fault: F) => string): string {
  const lines = faults.slice(0, FAULTS_MAX).map(show);
  const more = faults.length - lines.length;
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}

/** A message may contain a whole value. */
function explained(message: string): string {
  if (/^Maximum call stack/.test(message)) return 'it is nested too deeply';
  return message.length > MESSAGE_MAX_CHARS ? `${message.slice(0, MESSAGE_MAX_CHARS)}...` : message;
}

/** Offsets of duplicate keys. */
function repeatedKeys(document: ReturnType<typeof parseDocument>): number[] {
  const found: number[] = [];
  visit(document, {
    Map(_, { items }) {
      const keys = new Set<unknown>();
      for (const { key } of items) {
        const value = isScalar(key) ? key.value : undefined;
        // Merge keys may be repeated.
        if (value === undefined || value === '<<') continue;
        if (keys.has(value)) found.push((key as { range?: readonly number[] }).range?.[0] ?? 0);
        keys.add(value);
      }
    },
  });
  return found;
}

/** Bounds alias expansion: an alias may refer to itself a thousand times over. */
function expand(path: string, document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new ConfigError(`${path}: ${(error as Error).message}; write out what the aliases stand for`);
  }
}

/** The line of the key, or of its nearest existing ancestor. */
function lineOf(
  document: ReturnType<typeof parseDocument>,
  path: readonly PropertyKey[],
  lineAt: (offset: number) => number,
): number | undefined {
  for (let length = path.length; length >= 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as { range?: readonly number[] } | undefined;
    const start = node?.range?.[0];
    if (start !== undefined) return lineAt(start);
  }
  return undefined;
}
