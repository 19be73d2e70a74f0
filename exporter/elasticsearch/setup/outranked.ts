import { matchesGlob } from '../../../model/glob.ts';
import { isObject } from '../../../model/is-object.ts';
import { firstTemplate } from '../answer.ts';
import type { SearchClient, SearchResponse } from '../client.ts';
import { SearchError } from '../search-error.ts';
import type { SearchServer } from '../server.ts';
import { leavesOf } from './mappings.ts';
import { PRIORITY, type Template } from './templates.ts';

/** An index template, as far as it decides which one an index gets. */
interface Ranked {
  readonly name: string;
  readonly patterns: readonly string[];
  readonly priority: number;
}

/**
 * Looks whether the streams would get virtune's templates. Of the templates whose patterns match a name, a server uses
 * the one with the highest priority and nothing of the others. One of another owner that has all fields of virtune's with
 * the same types, and on Elasticsearch makes time series, is accepted: it may add settings.
 * @param streams names of data streams, each with the template of virtune for it
 * @throws SearchError that names the template that wins
 */
export async function checkRank(
  client: SearchClient,
  server: SearchServer,
  streams: readonly (readonly [stream: string, template: Template])[],
  signal?: AbortSignal,
): Promise<void> {
  const answer = await client.request({
    method: 'GET',
    path: '/_index_template',
    query: { filter_path: LISTED.map((field) => `index_templates.${field}`).join(',') },
    signal,
  });
  // A key that may only write may not look: then the operator has to know.
  if (answer.status !== 200) return;
  const all = readTemplates(answer);
  for (const [stream, template] of streams) {
    const winner = winnerOver(template.name, stream, all);
    if (winner === undefined) continue;
    const resulting = await resultOf(client, stream, winner.name, signal);
    const lacks = lackOf(resulting, server, template);
    if (lacks === undefined) continue;
    throw new SearchError(
      'SEARCH_OUTRANKED',
      server.node,
      `index template ${winner.name} (priority ${winner.priority}, ${winner.patterns.join(', ')}) outranks ${template.name}, so the data stream ${stream} would have ${lacks}; exclude metrics-kvm.* from its patterns, or give it a priority below ${PRIORITY}`,
    );
  }
}

const LISTED = ['name', 'index_template.index_patterns', 'index_template.priority'];

/** The template of another owner that the stream would get; undefined where it gets virtune's. */
function winnerOver(own: string, stream: string, all: readonly Ranked[]): Ranked | undefined {
  const priority = all.find(({ name }) => name === own)?.priority ?? PRIORITY;
  return all
    .filter((other) => other.name !== own && other.priority > priority)
    .filter(({ patterns }) => patterns.some((pattern) => matches(pattern, stream)))
    .sort((a, b) => b.priority - a.priority)[0];
}

/** `*` stands for any text, as in index patterns of both servers. */
function matches(pattern: string, name: string): boolean {
  // Not for a glob: there it stands for a character, which no name of a stream has.
  return !pattern.includes('?') && matchesGlob(pattern, name);
}

/**
 * What an index of that name would have, by the server's own simulation
 * (https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-simulate-index-template). A key for
 * documents may not simulate (that takes manage_index_templates): then the template itself, without its components.
 */
async function resultOf(
  client: SearchClient,
  stream: string,
  winner: string,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const path = `/_index_template/_simulate_index/${encodeURIComponent(stream)}`;
  const simulated = await client.request({ method: 'POST', path, signal });
  if (simulated.status === 200) return isObject(simulated.body) ? simulated.body['template'] : undefined;
  const answer = await client.request({
    method: 'GET',
    path: `/_index_template/${encodeURIComponent(winner)}`,
    signal,
  });
  const about = firstTemplate(answer.body);
  return isObject(about) ? about['template'] : undefined;
}

/** What an index would not have that virtune's would; undefined where it has everything. */
function lackOf(resulting: unknown, server: SearchServer, { mapping }: Template): string | undefined {
  const { settings, mappings } = isObject(resulting) ? resulting : {};
  const index = isObject(settings) ? settings['index'] : undefined;
  if (server.kind === 'elasticsearch' && !(isObject(index) && index['mode'] === 'time_series')) {
    return 'indices without time series';
  }
  const leaves = leavesOf(isObject(mappings) ? mappings['properties'] : undefined);
  const wrong = [...leavesOf(mapping.properties)].filter(([field, type]) => leaves.get(field) !== type);
  const [first] = wrong;
  return first === undefined ? undefined : `${wrong.length} fields missing or of another type (${first[0]})`;
}

function readTemplates({ body }: SearchResponse): Ranked[] {
  const list = isObject(body) ? body['index_templates'] : undefined;
  return (Array.isArray(list) ? list : []).flatMap((each: unknown) => {
    const about = isObject(each) ? each['index_template'] : undefined;
    if (!isObject(each) || typeof each['name'] !== 'string' || !isObject(about)) return [];
    const { index_patterns: patterns, priority } = about;
    return [
      {
        name: each['name'],
        patterns: [patterns].flat().filter((pattern) => typeof pattern === 'string'),
        // Without a priority a template has the lowest.
        priority: typeof priority === 'number' ? priority : 0,
      },
    ];
  });
}
