import { isObject } from '../../../model/is-object.ts';
import type { SearchClient } from '../client.ts';
import type { SearchServer } from '../server.ts';
import { leavesOf } from './mappings.ts';
import { denied, put, type Step } from './steps.ts';
import { LOOK_AHEAD, type Template } from './templates.ts';

/** Existing streams follow their template only from their next index on; so their mappings are updated. */
export async function streamSteps(
  client: SearchClient,
  server: SearchServer,
  { stream, mapping }: Template,
): Promise<Step[]> {
  const answer = await client.request({ method: 'GET', path: `/_data_stream/metrics-kvm.${stream}-*` });
  if (answer.status === 404) return [];
  // A server build without data streams cannot have any made by setup.
  if (answer.status === 400 || answer.status === 405) return [];
  if (answer.status !== 200) throw denied('for its data streams', answer);
  const streams = isObject(answer.body) ? answer.body['data_streams'] : undefined;
  const names = (Array.isArray(streams) ? streams : []).flatMap((each: unknown) => {
    const indices = isObject(each) ? each['indices'] : undefined;
    const newest: unknown = Array.isArray(indices) ? indices.at(-1) : undefined;
    const index = isObject(newest) ? newest['index_name'] : undefined;
    return isObject(each) && typeof each['name'] === 'string' && typeof index === 'string'
      ? [{ name: each['name'], index }]
      : [];
  });
  const wanted = leavesOf(mapping.properties);
  return Promise.all(
    names.map(async ({ name, index }): Promise<Step> => {
      const what = `data stream ${name}`;
      const found = await client.request({ method: 'GET', path: `/${encodeURIComponent(index)}` });
      if (found.status !== 200) throw denied(`for the index ${index}`, found);
      const about = isObject(found.body) ? found.body[index] : undefined;
      const { isSeries, lookAhead, leaves } = readIndex(about);
      const rollOver = (why: string): Step => ({
        what,
        change: 'roll over',
        why,
        apply: () => roll(client, name),
      });
      if (server.kind === 'elasticsearch' && !isSeries)
        return rollOver('its newest index is not a time series index');
      const other = [...wanted].find(([field, type]) => leaves.has(field) && leaves.get(field) !== type);
      if (other !== undefined) return rollOver(`its field ${other[0]} has another type`);
      const missing = [...wanted.keys()].filter((field) => !leaves.has(field));
      const isShort = isSeries && lookAhead !== LOOK_AHEAD;
      if (missing.length === 0 && !isShort) return { what, change: 'none' };
      const why = [
        ...(missing.length === 0 ? [] : [`${missing.length} new fields`]),
        ...(isShort ? [`look_ahead_time ${LOOK_AHEAD}`] : []),
      ];
      return {
        what,
        change: 'update',
        why: why.join(', '),
        apply: async () => {
          if (isShort) {
            const settings = { index: { look_ahead_time: LOOK_AHEAD } };
            await put(client, `/${encodeURIComponent(index)}/_settings`, settings, what);
          }
          if (missing.length === 0) return;
          await put(
            client,
            `/${encodeURIComponent(name)}/_mapping`,
            { properties: mapping.properties },
            what,
            {
              write_index_only: 'true',
            },
          );
        },
      };
    }),
  );
}

function readIndex(about: unknown): {
  isSeries: boolean;
  /** As set; undefined for the default. */
  lookAhead: unknown;
  leaves: Map<string, string>;
} {
  const settings = isObject(about) ? about['settings'] : undefined;
  const index = isObject(settings) ? settings['index'] : undefined;
  const mappings = isObject(about) ? about['mappings'] : undefined;
  return {
    isSeries: isObject(index) && index['mode'] === 'time_series',
    lookAhead: isObject(index) ? index['look_ahead_time'] : undefined,
    leaves: leavesOf(isObject(mappings) ? mappings['properties'] : undefined),
  };
}

async function roll(client: SearchClient, stream: string): Promise<void> {
  const answer = await client.request({ method: 'POST', path: `/${encodeURIComponent(stream)}/_rollover` });
  if (answer.status !== 200) throw denied(`to roll over ${stream}`, answer);
}
