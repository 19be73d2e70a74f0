import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { ConfigError } from './config-error.ts';

/**
 * Reads the text of a YAML file and checks it.
 * @throws ConfigError that names file, line and key of each fault
 */
export function parseYaml<S extends z.ZodType>(path: string, text: string, schema: S): z.output<S> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map((error) => `${path}:${lineAt(error.pos[0])}: ${error.message}`).join('\n'),
    );
  }
  const checked = schema.safeParse(expand(path, document) ?? {});
  if (checked.success) return checked.data;
  throw new ConfigError(
    checked.error.issues
      .map((issue) => {
        const { path: at } = issue;
        const message =
          issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
        // An unknown key is a fault of what holds it, and yet it is the key's line that has to be fixed.
        const [unknown] = issue.code === 'unrecognized_keys' ? issue.keys : [];
        const place = lineOf(document, unknown === undefined ? at : [...at, unknown], lineAt);
        return `${path}${place === undefined ? '' : `:${place}`}: ${at.length === 0 ? '' : `${at.map(String).join('.')}: `}${message}`;
      })
      .join('\n'),
  );
}

/** An alias may stand for itself a thousand times over: what it expands to is bounded. */
function expand(path: string, document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new ConfigError(`${path}: ${(error as Error).message}; write out what the aliases stand for`);
  }
}

/** The line of the key, or of the nearest one above it that is there. */
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
