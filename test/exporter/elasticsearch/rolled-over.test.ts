import { expect, test } from 'vitest';
import type { SendItem } from '../../../exporter/elasticsearch/bulk.ts';
import type { SearchClient, SearchRequest } from '../../../exporter/elasticsearch/client.ts';
import { findRolledOver } from '../../../exporter/elasticsearch/rolled-over.ts';

const HOUR_MS = 3_600_000;

/** A stream that was rolled over this many times, once per hour. */
function rolledOver(times: number): { readonly client: SearchClient; readonly asked: string[] } {
  const asked: string[] = [];
  const about = (at: number) => ({ settings: { index: { creation_date: String(at * HOUR_MS) } } });
  const settings = Object.fromEntries(Array.from({ length: times }, (_, at) => [`index-${at}`, about(at)]));
  const request = async ({ path }: SearchRequest) => {
    if (!path.endsWith('/_settings')) asked.push(path);
    const body = path.endsWith('/_settings') ? settings : { docs: [{ found: true }] };
    return { node: 'http://search', status: 200, headers: {}, body };
  };
  return { client: { request, close: async () => undefined }, asked };
}

const item = (atMs: number): SendItem => ({ id: 'x', index: 'stream', atMs }) as SendItem;
const signal = new AbortController().signal;

test('of thousands of indices those are asked that may have a document', async () => {
  const { client, asked } = rolledOver(1_440);
  const own = item(1_438.5 * HOUR_MS);
  expect(await findRolledOver(client, [own], signal)).toEqual(new Map([[own, { kind: 'duplicate' }]]));
  expect(asked).toEqual(['/index-1438/_mget', '/index-1439/_mget']);
});

test('a server that has made more than a thousand since then is not asked for all of them', async () => {
  const { client, asked } = rolledOver(1_440);
  await expect(findRolledOver(client, [item(0)], signal)).rejects.toMatchObject({
    code: 'SEARCH_ANSWER',
    message: expect.stringContaining('stream has 1440 indices created since the document was sampled'),
  });
  expect(asked).toEqual([]);
});
