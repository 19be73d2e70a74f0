import type { Shipment } from './bulk.ts';
import type { SearchClient } from './client.ts';
import { isObject } from './server.ts';

/**
 * A stream without time series tells a document that it has already only from those of its newest index. When the
 * stream was rolled over between an answer that got lost and the document sent again, it would take it twice. So
 * the indices before the newest are asked, by id, which is exact at once.
 * @returns those that are there already
 */
export async function findRolledOver(
  client: SearchClient,
  shipments: readonly Shipment[],
  signal: AbortSignal,
): Promise<ReadonlySet<Shipment>> {
  const found = new Set<Shipment>();
  for (const stream of new Set(shipments.map(({ index }) => index))) {
    const own = shipments.filter(({ index }) => index === stream);
    for (const index of await olderIndices(client, stream, signal)) {
      const answer = await client.request({
        method: 'POST',
        path: `/${encodeURIComponent(index)}/_mget`,
        query: { _source: 'false', filter_path: 'docs.found' },
        body: { ids: own.map(({ id }) => id) },
        signal,
      });
      const docs = isObject(answer.body) ? answer.body['docs'] : undefined;
      if (!Array.isArray(docs)) continue;
      for (const [place, shipment] of own.entries()) {
        const doc: unknown = docs[place];
        if (isObject(doc) && doc['found'] === true) found.add(shipment);
      }
    }
  }
  return found;
}

/** How many before the newest are asked: a lost answer is minutes old, and no stream is rolled over twice in that. */
const OLDER = 1;

async function olderIndices(client: SearchClient, stream: string, signal: AbortSignal): Promise<string[]> {
  const answer = await client.request({
    method: 'GET',
    path: `/_data_stream/${encodeURIComponent(stream)}`,
    signal,
  });
  const streams = isObject(answer.body) ? answer.body['data_streams'] : undefined;
  const first: unknown = Array.isArray(streams) ? streams[0] : undefined;
  const indices = isObject(first) ? first['indices'] : undefined;
  if (!Array.isArray(indices)) return [];
  const names = indices.flatMap((index: unknown) =>
    isObject(index) && typeof index['index_name'] === 'string' ? [index['index_name']] : [],
  );
  return names.slice(0, -1).slice(-OLDER);
}
