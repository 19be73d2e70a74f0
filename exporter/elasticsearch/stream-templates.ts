import { COMPAT_STREAMS } from '../documents/streams.ts';
import { oneLine } from '../server-text.ts';
import type { SendItem } from './bulk.ts';
import type { SearchClient } from './client.ts';
import { SearchError } from './search-error.ts';
import { nameOf, type SearchServer } from './server.ts';
import { findMisfits, type Misfit } from './setup/outranked.ts';
import { type Template, templatesFor } from './setup/templates.ts';

/**
 * Withholds documents whose stream lacks virtune's template, or would get another one: the first document creates the
 * stream, and guessed mappings cannot be fixed later. A stream is checked until it is right.
 */
export class StreamTemplates {
  readonly #log: (message: string) => void;
  /** Streams to which documents may be sent. */
  readonly #right = new Set<string>();

  constructor(log: (message: string) => void) {
    this.#log = log;
  }

  /**
   * @returns the error by stream to which documents must not be sent now
   * @throws SearchError when this cannot be determined now
   */
  async check(
    client: SearchClient,
    server: SearchServer,
    items: readonly SendItem[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, SearchError>> {
    const all = new Set(items.map(({ index }) => index));
    const streams = [...all].filter((stream) => !this.#right.has(stream));
    if (streams.length === 0) return new Map();
    const templates = templatesFor(server, { lifecycle: { kind: 'none' }, metricbeatCompat: true });
    const pairs = streams.flatMap((stream): [string, Template][] => {
      const template = templates.find(({ name }) => stream.startsWith(`${name}-`));
      return template === undefined ? [] : [[stream, template]];
    });
    const withheld = new Map<string, SearchError>();
    for (const misfit of await findMisfits(client, server, pairs, signal)) {
      if (misfit.kind === 'short') {
        const what = `${misfit.what}; documents are sent with all fields, but the missing ones are not indexed; add them to that template`;
        this.#log(oneLine(`${server.node}: ${what}`));
      } else
        withheld.set(misfit.stream, misfit.kind === 'missing' ? noTemplate(server, misfit) : misfit.error);
    }
    for (const stream of streams) if (!withheld.has(stream)) this.#right.add(stream);
    return withheld;
  }

  /** Another server may answer next time. */
  clear(): void {
    this.#right.clear();
  }
}

function noTemplate(
  server: SearchServer,
  { stream, template }: Extract<Misfit, { kind: 'missing' }>,
): SearchError {
  const isCompat = (COMPAT_STREAMS as readonly string[]).includes(template.stream);
  const command = `virtune elasticsearch setup${isCompat ? ' --metricbeat-compat' : ''}`;
  return new SearchError(
    'SEARCH_NOT_SET_UP',
    server.node,
    `${nameOf(server)} has no template ${template.name} for the data stream ${stream} yet; run ${command}`,
  );
}
