import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const PAGE = join(import.meta.dirname, '../../../docs/elasticsearch.md');

/** A query in docs/elasticsearch.md, titled by the comment in its first line. */
export interface DocumentedQuery {
  readonly title: string;
  readonly text: string;
}

/** A request for Dev Tools. */
export interface ConsoleQuery extends DocumentedQuery {
  readonly path: string;
  readonly body: string;
}

const page = readFileSync(PAGE, 'utf8');

function blocks(language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, text]) => text as string,
  );
}

function titled(text: string, comment: string): DocumentedQuery {
  const [first = '', ...lines] = text.split('\n');
  return { title: first.replace(`${comment} `, ''), text: lines.join('\n').trim() };
}

export const consoleQueries: readonly ConsoleQuery[] = blocks('console').map((block) => {
  const { title, text } = titled(block, '#');
  const [, path = '', body = ''] = /^POST (\S+)\n([\s\S]*)$/.exec(text) ?? [];
  return { title, text, path, body };
});

export const esqlQueries: readonly DocumentedQuery[] = blocks('esql').map((block) => titled(block, '//'));

/** One query per line. */
export const kqlQueries: readonly string[] = blocks('kql').flatMap((block) => block.trim().split('\n'));

/** Names used in a query: fields, and names that the query itself defines. */
export function namesIn(query: string): string[] {
  return [
    ...query
      .replace(/\/\/.*$/gm, '')
      .matchAll(/@?\b(?:libvirt|virtune|kvm|host|data_stream)[\w]*(?:\.\w+)*/g),
  ].map(([name]) => name);
}
