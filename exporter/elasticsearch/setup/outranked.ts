import { matchesGlob } from '../../../model/glob.ts';
import { isObject } from '../../../model/is-object.ts';
import { firstTemplate } from '../answer.ts';
import type { SearchClient, SearchResponse } from '../client.ts';
import { SearchError } from '../search-error.ts';
import type { SearchServer } from '../server.ts';
import { dimensionsOf, leavesOf } from './mappings.ts';
import { denied } from './steps.ts';
import { PRIORITY, type Template } from './templates.ts';

/** The parts of an index template that decide which one an index gets. */
interface Ranked {
  readonly name: string;
  readonly patterns: readonly string[];
  readonly priority: number;
}

/** A data stream that would not get all that virtune's template has. */
export type Misfit =
  /** virtune's template is not on the server, and no other outranks it. */
  | { readonly kind: 'missing'; readonly stream: string; readonly template: Template }
  /** It would get the template of another owner, with other mappings. */
  | { readonly kind: 'outranked'; readonly stream: string; readonly error: SearchError }
  /** The same, but that template only lacks fields: they are stored and not indexed. */
  | {
      readonly kind: 'short';
      readonly stream: string;
      readonly error: SearchError;
      /** Identical for all streams of a template; may contain any bytes from the server. */
      readonly what: string;
    };

/**
 * Checks whether the streams would get virtune's templates. Of the templates whose patterns match a name, a server uses
 * only the one with the highest priority. Another owner's template with all of virtune's fields and the same types,
 * which on Elasticsearch creates time series, is accepted: it may add settings.
 * @param streams names of data streams, each with virtune's template for it
 * @returns the streams that would not; none if the key may not read templates
 * @throws SearchError when the server does not list its templates for another reason
 */
export async function findMisfits(
  client: SearchClient,
  server: SearchServer,
  streams: readonly (readonly [stream: string, template: Template])[],
  signal?: AbortSignal,
): Promise<Misfit[]> {
  const answer = await client.request({
    method: 'GET',
    path: '/_index_template',
    query: { filter_path: LISTED.map((field) => `index_templates.${field}`).join(',') },
    signal,
  });
  // A write-only key may not read templates: then trust the operator.
  if (answer.status === 403) return [];
  if (answer.status !== 200) throw denied('for its templates', answer);
  const all = readTemplates(answer);
  const misfits: Misfit[] = [];
  for (const [stream, template] of streams) {
    const winner = winnerOver(template.name, stream, all);
    if (winner === undefined) {
      if (!all.some(({ name }) => name === template.name))
        misfits.push({ kind: 'missing', stream, template });
      continue;
    }
    const resulting = await resultOf(client, stream, winner.name, signal);
    const lack = lackOf(resulting, server, template);
    if (lack === undefined) continue;
    misfits.push(outrankedBy(winner, lack, stream, template, server));
  }
  return misfits;
}

function outrankedBy(
  { name, priority, patterns }: Ranked,
  lack: Lack,
  stream: string,
  template: Template,
  server: SearchServer,
): Misfit {
  const winner = `index template ${name} (priority ${priority}, ${patterns.join(', ')})`;
  if (lack.kind === 'short') {
    const error = new SearchError(
      'SEARCH_OUTRANKED',
      server.node,
      `${winner} outranks ${template.name}, so the data stream ${stream} would lack ${lack.what}; add the missing fields to that template, or give it a priority below ${PRIORITY}`,
    );
    return {
      kind: 'short',
      stream,
      error,
      what: `${winner} outranks ${template.name} and lacks ${lack.what}`,
    };
  }
  const error = new SearchError(
    'SEARCH_OUTRANKED',
    server.node,
    `${winner} outranks ${template.name}, so the data stream ${stream} would have ${lack.what}; exclude metrics-kvm.* from its patterns, or give it a priority below ${PRIORITY}`,
  );
  return { kind: 'outranked', stream, error };
}

const LISTED = ['name', 'index_template.index_patterns', 'index_template.priority'];

/** Another owner's template that the stream would get; undefined if it gets virtune's. */
function winnerOver(own: string, stream: string, all: readonly Ranked[]): Ranked | undefined {
  const priority = all.find(({ name }) => name === own)?.priority ?? PRIORITY;
  return all
    .filter((other) => other.name !== own && other.priority > priority)
    .filter(({ patterns }) => patterns.some((pattern) => matches(pattern, stream)))
    .sort((a, b) => b.priority - a.priority)[0];
}

/** `*` matches any text, as in index patterns of both servers. */
function matches(pattern: string, name: string): boolean {
  // In a glob `?` matches any character; here it is literal, and no stream name has one.
  return !pattern.includes('?') && matchesGlob(pattern, name);
}

/**
 * What an index of that name would get, by the server's own simulation
 * (https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-simulate-index-template). A key for
 * documents may not simulate (that needs manage_index_templates): then the template itself, without its components.
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

interface Lack {
  /** `short`: fields are only missing, none is guessed or different. */
  readonly kind: 'short' | 'other';
  readonly what: string;
}

/** What an index would lack compared with virtune's; undefined if nothing. */
function lackOf(resulting: unknown, server: SearchServer, { mapping }: Template): Lack | undefined {
  const { settings, mappings } = isObject(resulting) ? resulting : {};
  const index = isObject(settings) ? settings['index'] : undefined;
  if (server.kind === 'elasticsearch' && !(isObject(index) && index['mode'] === 'time_series')) {
    return { kind: 'other', what: 'indices without time series' };
  }
  const { properties, dynamic } = isObject(mappings) ? mappings : {};
  const leaves = leavesOf(properties);
  const wrong = [...leavesOf(mapping.properties)].filter(([field, type]) => leaves.get(field) !== type);
  const [first] = wrong;
  if (first === undefined) return undefined;
  // With dynamic mappings a server guesses the type of an unmapped field, with strict ones it rejects the document.
  const isKept = dynamic === false || dynamic === 'false';
  const dimensions = new Set(dimensionsOf(mapping.properties));
  const taken = [...leaves.keys()];
  const isAbsent = (field: string): boolean =>
    !taken.some((each) => `${each}.`.startsWith(`${field}.`) || field.startsWith(`${each}.`));
  if (isKept && wrong.every(([field]) => isAbsent(field) && !dimensions.has(field))) {
    const others = wrong.length === 1 ? '' : ` and ${wrong.length - 1} more`;
    return { kind: 'short', what: `the field ${first[0]}${others}` };
  }
  return { kind: 'other', what: `${wrong.length} fields missing or of another type (${first[0]})` };
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
        // A template without a priority ranks lowest.
        priority: typeof priority === 'number' ? priority : 0,
      },
    ];
  });
}
