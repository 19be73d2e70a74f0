import { isObject } from '../../model/is-object.ts';
import { VirtuneError } from '../../model/virtune-error.ts';
import { parseRetryAfter } from '../queue/backoff.ts';
import { firstTemplate, foreign, notPermitted, reasonOf, refused } from './answer.ts';
import type { Attempt } from './attempt.ts';
import { bulkLines, type SendItem } from './bulk.ts';
import type { SearchClient, SearchResponse } from './client.ts';
import { findRolledOver } from './rolled-over.ts';
import { SearchError, type SearchErrorCode } from './search-error.ts';
import { nameOf, recognise, type SearchServer } from './server.ts';
import { TEMPLATES_VERSION } from './setup/templates.ts';
import { StreamTemplates } from './stream-templates.ts';
import { readBulkAnswer, type Verdict } from './verdict.ts';

/** Errors of requests that reached no server. */
const UNREACHABLE: ReadonlySet<unknown> = new Set<SearchErrorCode>([
  'SEARCH_UNREACHABLE',
  'SEARCH_CERTIFICATE',
  'SEARCH_TLS',
]);

const INDEX_TEMPLATE = '/_index_template/metrics-kvm.vm';
const FILTER = 'items.*.status,items.*.error.type,items.*.error.reason,items.*.failure_store';

const MIB = 1_024 * 1_024;
/** For bulk requests: the error of one document may list the time range of every index of its stream. */
const ANSWER_BYTES_PER_ITEM = 16 * 1_024;
const BULK_ANSWER_MAX_BYTES = 64 * MIB;

/**
 * The server waits for a shard without a primary for the client's time-out divided by this (`timeout` of the bulk API,
 * 1 minute by default), so that its answer about the other shards is not lost.
 */
const BULK_TIMEOUT_SHARE = 4;

/** Sends documents to the server in one bulk request, and returns its verdict on each. */
export class BulkClient {
  readonly #open: () => Promise<SearchClient>;
  readonly #bulkTimeout: string;
  readonly #now: () => number;
  readonly #log: (message: string) => void;
  #client: SearchClient | undefined;
  #server: SearchServer | undefined;
  readonly #templates: StreamTemplates;

  /**
   * @param open creates a client with the current secrets from their files
   * @param requestTimeoutMs how long the client waits for an answer
   */
  constructor(
    open: () => Promise<SearchClient>,
    requestTimeoutMs: number,
    now: () => number,
    log: (message: string) => void = () => undefined,
  ) {
    this.#bulkTimeout = `${Math.ceil(requestTimeoutMs / BULK_TIMEOUT_SHARE)}ms`;
    this.#log = log;
    this.#templates = new StreamTemplates(log);
    this.#open = open;
    this.#now = now;
  }

  async send(items: readonly SendItem[], signal: AbortSignal): Promise<Attempt> {
    try {
      this.#client ??= await this.#open();
      this.#server ??= await this.#meet(this.#client, signal);
      const known = await this.#withheld(this.#client, this.#server, items, signal);
      const unsure = items.filter((item) => item.isUnsure && !known.has(item));
      if (unsure.length > 0 && this.#server.kind === 'opensearch') {
        const found = await findRolledOver(this.#client, unsure, signal);
        for (const [item, verdict] of found) known.set(item, verdict);
      }
      const others = items.filter((item) => !known.has(item));
      const attempt: Attempt =
        others.length === 0
          ? { kind: 'judged', node: this.#server.node, verdicts: [] }
          : await this.#bulk(this.#client, this.#server, others, signal);
      return attempt.kind === 'judged' && known.size > 0
        ? { ...attempt, verdicts: merge(items, known, attempt.verdicts) }
        : attempt;
    } catch (thrown) {
      const error = this.#explained(thrown as Error);
      const { code } = error as { code?: unknown };
      const outcome = UNREACHABLE.has(code)
        ? 'unreachable'
        : code === 'SEARCH_PERMISSION'
          ? 'refused'
          : 'error';
      return { kind: 'again', outcome, error };
    }
  }

  /** Anything else thrown is caused by an unexpected answer, for example one nested too deeply. */
  #explained(error: Error): Error {
    if (error instanceof VirtuneError) return error;
    return new SearchError(
      'SEARCH_ANSWER',
      this.#server?.node ?? 'the search server',
      `its answer cannot be read (${error.message}); check the address, and for a proxy in between`,
      error,
    );
  }

  /** Another server may answer next time, and secrets may have been replaced. */
  async forget(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.#server = undefined;
    this.#templates.clear();
    await client?.close();
  }

  /** Identifies the server, and checks whether its templates are of this version. */
  async #meet(client: SearchClient, signal: AbortSignal): Promise<SearchServer> {
    const server = await recognise(client, signal);
    const answer = await client.request({ method: 'GET', path: INDEX_TEMPLATE, signal });
    const other = foreign(answer);
    if (other !== undefined) throw other;
    // If the list can be read, each stream is checked against it.
    if (answer.status === 404) {
      await requireList(client, server, signal);
      return server;
    }
    if (answer.status === 200 && versionOf(answer.body) < TEMPLATES_VERSION) {
      this.#log(
        `the templates of ${nameOf(server)} at ${answer.node} are from an older virtune, so new fields are not indexed; run virtune elasticsearch setup`,
      );
    }
    // A write-only key may not read templates: then trust the operator.
    if (answer.status !== 200 && answer.status !== 403) throw refused('for its templates', answer);
    return server;
  }

  /** Documents that must not be sent, since their streams would not be created as setup would. The others are sent. */
  async #withheld(
    client: SearchClient,
    server: SearchServer,
    items: readonly SendItem[],
    signal: AbortSignal,
  ): Promise<Map<SendItem, Verdict>> {
    const streams = await this.#templates.check(client, server, items, signal);
    return new Map(
      items.flatMap((item): [SendItem, Verdict][] => {
        const error = streams.get(item.index);
        return error === undefined ? [] : [[item, { kind: 'withheld', error }]];
      }),
    );
  }

  async #bulk(
    client: SearchClient,
    server: SearchServer,
    items: readonly SendItem[],
    signal: AbortSignal,
  ): Promise<Attempt> {
    const before = items.map(({ isUnsure }) => isUnsure);
    // Until the answer is read.
    for (const item of items) item.isUnsure = true;
    const answer = await client.request({
      method: 'POST',
      path: '/_bulk',
      query: { filter_path: FILTER, timeout: this.#bulkTimeout },
      lines: bulkLines(items, server),
      maxAnswerBytes: Math.min(MIB + items.length * ANSWER_BYTES_PER_ITEM, BULK_ANSWER_MAX_BYTES),
      signal,
    });
    const attempt = markConflicts(readAnswer(answer, items, this.#now()), before);
    // If a server rejects a whole request, it stored nothing; a gateway that gave up may not know.
    const isRefused = attempt.kind !== 'judged' && answer.status >= 400 && answer.status < 500;
    for (const [place, item] of items.entries()) {
      const isInDoubt = attempt.kind === 'judged' ? attempt.verdicts[place]?.kind === 'failed' : !isRefused;
      // Once in doubt, always in doubt: after a crash it may be in the queue twice, and the other copy may be stored.
      item.isUnsure = isInDoubt || before[place] === true;
    }
    return attempt;
  }
}

/** Marks duplicates that neither this process nor a previous one has sent: another process did. */
function markConflicts(attempt: Attempt, wasUnsure: readonly boolean[]): Attempt {
  if (attempt.kind !== 'judged') return attempt;
  const verdicts = attempt.verdicts.map((verdict, place): Verdict => {
    return verdict.kind === 'duplicate' && wasUnsure[place] === false ? { kind: 'conflict' } : verdict;
  });
  return { ...attempt, verdicts };
}

/** Without the list it is unknown which streams lack a template, so one missing template counts for all. */
async function requireList(client: SearchClient, server: SearchServer, signal: AbortSignal): Promise<void> {
  const query = { filter_path: 'index_templates.name' };
  const list = await client.request({ method: 'GET', path: '/_index_template', query, signal });
  const other = foreign(list);
  if (other !== undefined) throw other;
  if (list.status === 403) {
    throw new SearchError(
      'SEARCH_NOT_SET_UP',
      list.node,
      `${nameOf(server)} has no templates for virtune yet; run virtune elasticsearch setup`,
    );
  }
  if (list.status !== 200) throw refused('for its templates', list);
}

/** The version of the templates; 0 if there is none, since setup did not create them. */
function versionOf(body: unknown): number {
  const template = firstTemplate(body);
  const version = isObject(template) ? template['version'] : undefined;
  return typeof version === 'number' ? version : 0;
}

function merge(
  items: readonly SendItem[],
  known: ReadonlyMap<SendItem, Verdict>,
  verdicts: readonly Verdict[],
): Verdict[] {
  let next = 0;
  return items.map((item) => known.get(item) ?? (verdicts[next++] as Verdict));
}

function readAnswer(answer: SearchResponse, items: readonly SendItem[], nowMs: number): Attempt {
  const { node, status, headers } = answer;
  if (status === 413)
    return {
      kind: 'too-large',
      node,
      status,
      reason: 'too large for the server, or for a proxy in front of it',
    };
  const other = foreign(answer);
  // Above all a proxy's 400, which says nothing about a document.
  if (other !== undefined) return { kind: 'again', outcome: 'error', error: other };
  if (status === 200) {
    const verdicts = readBulkAnswer(answer.body, items);
    if (verdicts !== undefined) return { kind: 'judged', node, verdicts };
    const error = new SearchError(
      'SEARCH_ANSWER',
      node,
      'unexpected response to a bulk request; check the address, and for a proxy in between',
    );
    return { kind: 'again', outcome: 'error', error };
  }
  if (status === 400) return { kind: 'unreadable', node, status, reason: reasonOf(answer) };
  if (status === 401 || status === 403)
    return { kind: 'again', outcome: 'refused', error: notPermitted(answer) };
  return {
    kind: 'again',
    outcome: status === 429 || status === 503 ? 'busy' : 'error',
    error: refused('to store documents', answer),
    retryAfterMs: parseRetryAfter(headers['retry-after'], nowMs),
  };
}
