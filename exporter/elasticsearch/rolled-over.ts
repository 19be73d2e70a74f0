import { isObject } from '../../model/is-object.ts';
import { serverText } from '../server-text.ts';
import type { SendItem } from './bulk.ts';
import type { SearchClient } from './client.ts';
import { SearchError } from './search-error.ts';
import type { Verdict } from './verdict.ts';

/** Far more than a stream gets within the queue's maximum age. */
const INDICES_MAX = 1_000;
/** Index names come from the server and become a request path. */
const INDEX_NAME = /^[^\p{Cs}\p{Cc}]{1,255}$/u;

/**
 * A stream without time series detects duplicates only in its newest index. If it rolled over between a lost answer and
 * the retry, it would store the document twice. So all indices that may have it are queried by id, which is exact at
 * once; including the newest, since it may roll over before the document arrives.
 * @returns a verdict on those already stored, and on those that an index without a working shard may have
 */
export async function findRolledOver(
  client: SearchClient,
  items: readonly SendItem[],
  signal: AbortSignal,
): Promise<ReadonlyMap<SendItem, Verdict>> {
  const known = new Map<SendItem, Verdict>();
  for (const stream of new Set(items.map(({ index }) => index))) {
    const own = items.filter(({ index }) => index === stream);
    const oldestMs = Math.min(...own.map(({ atMs }) => atMs));
    for (const index of await indicesSince(client, stream, oldestMs, signal)) {
      const answer = await client.request({
        method: 'POST',
        path: `/${encodeURIComponent(index)}/_mget`,
        query: { _source: 'false', filter_path: 'docs.found,docs.error.type' },
        body: { ids: own.map(({ id }) => id) },
        signal,
      });
      const docs = isObject(answer.body) ? answer.body['docs'] : undefined;
      if (!Array.isArray(docs)) continue;
      for (const [place, item] of own.entries()) {
        const doc: unknown = docs[place];
        if (!isObject(doc)) continue;
        const type = isObject(doc['error']) ? serverText(doc['error']['type'], 200) : undefined;
        if (doc['found'] === true) known.set(item, { kind: 'duplicate' });
        else if (type !== undefined && type !== 'index_not_found_exception' && !known.has(item)) {
          const reason = `${type}: ${index} may have the document already and cannot be read`;
          known.set(item, { kind: 'busy', status: 503, reason });
        }
      }
    }
  }
  return known;
}

/** Indices that were the stream's newest at some time since. Empty without permission to list them. */
async function indicesSince(
  client: SearchClient,
  stream: string,
  sinceMs: number,
  signal: AbortSignal,
): Promise<string[]> {
  const answer = await client.request({
    method: 'GET',
    path: `/${encodeURIComponent(stream)}/_settings`,
    query: { filter_path: '*.settings.index.creation_date' },
    signal,
  });
  if (answer.status !== 200 || !isObject(answer.body)) return [];
  const indices = Object.entries(answer.body)
    .filter(([name]) => INDEX_NAME.test(name))
    .map(([name, about]) => ({ name, createdMs: createdMs(about) }))
    .sort((a, b) => a.createdMs - b.createdMs || a.name.localeCompare(b.name));
  // An index accepts documents until the next one is created.
  const since = indices.flatMap(({ name }, place) => {
    const next = indices[place + 1];
    return next === undefined || next.createdMs >= sinceMs ? [name] : [];
  });
  if (since.length <= INDICES_MAX) return since;
  throw new SearchError(
    'SEARCH_ANSWER',
    answer.node,
    `${stream} has ${since.length} indices created since the document was sampled, and virtune looks for it in at most ${INDICES_MAX}; check the address, and how often the stream rolls over`,
  );
}

function createdMs(about: unknown): number {
  const settings = isObject(about) ? about['settings'] : undefined;
  const index = isObject(settings) ? settings['index'] : undefined;
  const text = serverText(isObject(index) ? index['creation_date'] : undefined, 20);
  return Number(text) || 0;
}
