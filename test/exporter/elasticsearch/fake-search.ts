import type { SearchClient, SearchRequest, SearchResponse } from '../../../exporter/elasticsearch/client.ts';
import { SearchError } from '../../../exporter/elasticsearch/search-error.ts';
import { TEMPLATES_VERSION } from '../../../exporter/elasticsearch/setup/templates.ts';
import { type ListedTemplate, OWN_TEMPLATES } from './own-templates.ts';

/** The address in its responses and errors. */
export const NODE = 'http://search.example:9200';

/** A fault of one bulk request. */
export type Fault =
  | { readonly kind: 'refused' }
  /** Nothing of it arrived; the sender cannot know. */
  | { readonly kind: 'lost request' }
  /** All of it arrived. */
  | { readonly kind: 'lost answer' }
  /** A part was processed when the server died. */
  | { readonly kind: 'half done' }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: unknown;
    }
  /** These documents get this status, the others are accepted. */
  | { readonly kind: 'items'; readonly status: number; readonly every: number };

/** An in-memory search server, with the behaviour that matters for exactly-once delivery. */
export class FakeSearch implements SearchClient {
  readonly kind: 'elasticsearch' | 'opensearch';
  /** By stream: its indices, each with documents by id. */
  readonly streams = new Map<string, Map<string, string>[]>();
  readonly asked: string[] = [];
  bulks = 0;
  hasTemplates = true;
  /** The status of the list of templates; 403 if the key may not read it. */
  listStatus = 200;
  templatesVersion = TEMPLATES_VERSION;
  /** Templates of virtune that do not exist. */
  readonly missingTemplates = new Set<string>();
  /** Templates of other owners. */
  otherTemplates: ListedTemplate[] = [];
  /** The result of simulating an index, in which another owner's template applies. */
  simulated: unknown = { settings: {}, mappings: {} };
  maxBytes = Number.POSITIVE_INFINITY;
  fault: (bulk: number) => Fault | undefined = () => undefined;
  /** The status of a refused document, by its stream and body; undefined if it may be accepted. */
  refuses: (stream: string, body: string) => number | undefined = () => undefined;
  /** The reason in the server's response. */
  refusal = 'made up';
  refusalType = 'fault';
  /** Whether the index at this position of the stream has no readable shard. */
  unreadable: (stream: string, place: number) => boolean = () => false;
  /** Documents that are never accepted. */
  rejects: (body: string) => boolean = () => false;
  /** The time range that time series streams accept now (index.time_series.start_time and end_time). */
  range: { startMs: number; endMs: number } = {
    startMs: Number.NEGATIVE_INFINITY,
    endMs: Number.POSITIVE_INFINITY,
  };
  opened = 0;

  constructor(kind: 'elasticsearch' | 'opensearch' = 'elasticsearch') {
    this.kind = kind;
  }

  open = async (): Promise<SearchClient> => {
    this.opened++;
    return this;
  };

  async close(): Promise<void> {}

  rollOver(): void {
    for (const indices of this.streams.values()) indices.push(new Map());
  }

  /** All stored documents, including duplicates. */
  get documents(): string[] {
    return [...this.streams.values()].flatMap((indices) => indices.flatMap((index) => [...index.values()]));
  }

  async request(request: SearchRequest): Promise<SearchResponse> {
    this.asked.push(`${request.method} ${request.path}`);
    if (request.path === '/') return this.#greeting();
    if (request.path.includes('/_simulate_index/')) {
      return answer(200, { template: this.simulated, overlapping: [] });
    }
    if (request.path === '/_index_template' && this.listStatus === 200) {
      const own = OWN_TEMPLATES.filter(({ name }) => this.#has(name));
      return answer(200, { index_templates: [...own, ...this.otherTemplates] });
    }
    if (request.path === '/_index_template') {
      return answer(this.listStatus, { error: { type: 'fault', reason: 'made up' } });
    }
    if (request.path.startsWith('/_index_template')) {
      return answer(this.#has(request.path.split('/')[2] ?? '') ? 200 : 404, {
        index_templates: [{ index_template: { version: this.templatesVersion } }],
      });
    }
    if (request.path.endsWith('/_settings'))
      return this.#indices(decodeURIComponent(request.path.split('/')[1] ?? ''));
    if (request.path.endsWith('/_mget')) return this.#found(request);
    return this.#bulk(request.lines ?? '');
  }

  #has(template: string): boolean {
    return this.hasTemplates && !this.missingTemplates.has(template);
  }

  #greeting(): SearchResponse {
    if (this.kind === 'opensearch') {
      return answer(200, { version: { distribution: 'opensearch', number: '2.19.6' } });
    }
    return answer(200, { version: { number: '8.19.0' } }, { 'x-elastic-product': 'Elasticsearch' });
  }

  #indices(stream: string): SearchResponse {
    const indices = this.streams.get(stream) ?? [];
    return answer(
      200,
      Object.fromEntries(
        indices.map((_index, at) => [
          `${stream}|${at}`,
          { settings: { index: { creation_date: String(1e12 + at) } } },
        ]),
      ),
    );
  }

  #found({ path, body }: SearchRequest): SearchResponse {
    const [stream = '', at = ''] = decodeURIComponent(path.split('/')[1] ?? '').split('|');
    const index = this.streams.get(stream)?.[Number(at)];
    const ids = (body as { ids: string[] }).ids;
    if (this.unreadable(stream, Number(at))) {
      const error = { type: 'no_shard_available_action_exception', reason: 'made up' };
      return answer(200, { docs: ids.map(() => ({ error })) });
    }
    return answer(200, { docs: ids.map((id) => ({ found: index?.has(id) ?? false })) });
  }

  #bulk(lines: string): SearchResponse {
    const fault = this.fault(this.bulks++);
    if (fault?.kind === 'refused') throw new SearchError('SEARCH_UNREACHABLE', NODE, 'connect ECONNREFUSED');
    if (fault?.kind === 'lost request') throw new SearchError('SEARCH_NO_ANSWER', NODE, 'socket hang up');
    // No 413 for a single small document, as the server accepts others.
    const isOne = lines.indexOf('\n', lines.indexOf('\n') + 1) === lines.length - 1;
    if (fault?.kind === 'status' && !(fault.status === 413 && isOne))
      return answer(
        fault.status,
        fault.body ?? { error: { type: 'fault', reason: 'made up' } },
        fault.headers,
      );
    if (Buffer.byteLength(lines) > this.maxBytes) return answer(413, undefined);
    const parts = lines.split('\n');
    const items: unknown[] = [];
    for (let line = 0; line + 1 < parts.length; line += 2) {
      const place = line / 2;
      if (fault?.kind === 'half done' && place * 4 > parts.length) {
        throw new SearchError('SEARCH_NO_ANSWER', NODE, 'socket hang up');
      }
      const isFaulty = fault?.kind === 'items' && place % fault.every === 0;
      const body = parts[line + 1] ?? '';
      const outside = this.#outside(body);
      if (outside !== undefined && !isFaulty) {
        items.push({ create: { status: 400, error: { type: 'timestamp_error', reason: outside } } });
        continue;
      }
      const status = isFaulty ? fault.status : this.#create(parts[line] ?? '', body);
      items.push({
        create: {
          status,
          ...(status > 299 ? { error: { type: this.refusalType, reason: this.refusal } } : {}),
        },
      });
    }
    if (fault?.kind === 'lost answer') throw new SearchError('SEARCH_NO_ANSWER', NODE, 'timeout');
    return answer(200, { items });
  }

  /** The error as Elasticsearch 8.19 words it; undefined for a document within the range of a writable index. */
  #outside(body: string): string | undefined {
    const { startMs, endMs } = this.range;
    const { '@timestamp': at } = JSON.parse(body) as { '@timestamp': string | number };
    const atMs = typeof at === 'number' ? at : Date.parse(at);
    if (this.kind === 'opensearch' || (atMs >= startMs && atMs < endMs)) return undefined;
    const text = (ms: number): string => (Number.isFinite(ms) ? new Date(ms).toISOString() : String(ms));
    return `the document timestamp [${text(atMs)}] is outside of ranges of currently writable indices [[${text(startMs)},${text(endMs)}]]`;
  }

  #create(action: string, body: string): number {
    if (this.rejects(body)) return 400;
    const { create } = JSON.parse(action) as { create: { _index: string; _id?: string } };
    const refused = this.refuses(create._index, body);
    if (refused !== undefined) return refused;
    const indices = this.streams.get(create._index) ?? [new Map<string, string>()];
    this.streams.set(create._index, indices);
    // Time series streams find duplicates by dimensions and time in any index, others only in their newest one.
    const { _id: id = body } = create;
    const index = this.kind === 'elasticsearch' ? indices[0] : indices.at(-1);
    if (index?.has(id)) return 409;
    index?.set(id, body);
    return 201;
  }
}

function answer(status: number, body: unknown, headers: Record<string, string> = {}): SearchResponse {
  return { node: NODE, status, body, headers };
}
