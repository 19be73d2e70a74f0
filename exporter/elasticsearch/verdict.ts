import { isObject } from '../../model/is-object.ts';
import { reasonText } from './answer.ts';
import type { SendItem } from './bulk.ts';
import { clusterFaultOf } from './cluster-fault.ts';
import type { SearchError } from './search-error.ts';

/** The server's answer on one document, or why it was not sent. */
export type Verdict =
  | { readonly kind: 'delivered' }
  /** It was there already: the response to an earlier request was lost. */
  | { readonly kind: 'duplicate' }
  /** Already stored, but not by this process: another exporter sent it. */
  | { readonly kind: 'conflict' }
  /** The server has no room for it now (429), or its shard has no primary (503). */
  | { readonly kind: 'busy'; readonly status: number; readonly reason: string }
  /** Later than the end of the stream's newest index, which the server advances every few minutes. */
  | { readonly kind: 'early'; readonly reason: string }
  /** The server failed on this document. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** An operator has to act: permissions, templates, a write block, a limit of the cluster. */
  | { readonly kind: 'blocked'; readonly status: number; readonly reason: string }
  /** It was not sent: the server lacks the template of its stream, or has another one for it. */
  | { readonly kind: 'withheld'; readonly error: SearchError }
  /** The server will never accept it. */
  | { readonly kind: 'rejected'; readonly status: number; readonly reason: string };

/** Whether the server has the document now. */
export function isStored({ kind }: Verdict): boolean {
  return kind === 'delivered' || kind === 'duplicate' || kind === 'conflict';
}

/**
 * One verdict per document, in order; undefined if the answer does not match these documents. `failure_store` is in
 * answers of Elasticsearch since 8.19 and 9.1 (BulkItemResponse): `used` with status 201 means that the document is in
 * the stream's failure store and not in the stream.
 */
export function readBulkAnswer(
  body: unknown,
  sent: readonly Pick<SendItem, 'index'>[],
): Verdict[] | undefined {
  const items = isObject(body) ? body['items'] : undefined;
  if (!Array.isArray(items) || items.length !== sent.length) return undefined;
  const verdicts: Verdict[] = [];
  for (const [place, item] of (items as readonly unknown[]).entries()) {
    const result = isObject(item) ? item['create'] : undefined;
    if (!isObject(result) || typeof result['status'] !== 'number') return undefined;
    if (!isAbout(result, sent[place])) return undefined;
    verdicts.push(judge(result['status'], reasonIn(result), result['failure_store']));
  }
  return verdicts;
}

/**
 * An answer to another request, mixed up by a proxy, must not settle anything. It has no index if the server filters
 * it.
 */
function isAbout(
  { _index: index }: Readonly<Record<string, unknown>>,
  sent: Pick<SendItem, 'index'> | undefined,
): boolean {
  if (index === undefined || sent === undefined) return true;
  // The stream, its index or its failure store: DataStream.getDefaultBackingIndexName.
  const name = typeof index === 'string' ? index.replace(/^\.(?:ds|fs)-/, '') : '';
  return name === sent.index || name.startsWith(`${sent.index}-`);
}

function reasonIn({ error, failure_store }: Readonly<Record<string, unknown>>): string {
  if (!isObject(error)) return 'no reason given';
  const both = reasonText(error);
  return failure_store === 'failed' ? `${both} (and the failure store did not accept it)` : both;
}

function judge(status: number, reason: string, failureStore: unknown): Verdict {
  if (failureStore === 'used') {
    const why =
      'the server put it into the failure store of the stream, not into the stream; the failure store has the reason';
    return { kind: 'rejected', status, reason: why };
  }
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  if (status === 409) return { kind: 'duplicate' };
  if (status === 429 || status === 503) return { kind: 'busy', status, reason };
  if (status === 401 || status === 403 || status === 404) return { kind: 'blocked', status, reason };
  if (status >= 400 && status < 500) {
    if (isEarly(reason)) return { kind: 'early', reason };
    const isOfCluster = status === 400 && clusterFaultOf(reason) !== undefined;
    return { kind: isOfCluster ? 'blocked' : 'rejected', status, reason };
  }
  return { kind: 'failed', reason };
}

/**
 * Whether the timestamp is later than a time series stream accepts now. Its newest index ends at
 * `index.time_series.end_time`, which Elasticsearch advances to the current time + `index.look_ahead_time` every 5
 * minutes (3 in 9.x; UpdateTimeSeriesRangeService). After a longer outage it lags by that much. The error type is
 * `timestamp_error`, before 8.11 `illegal_argument_exception`; so match the text, which has not changed since 8.7
 * (DataStream.getWriteIndex). The other text comes from an index that does not know its new end yet (TimestampBounds,
 * DataStreamTimestampFieldMapper). Patterns take linear time, whatever a server sends.
 */
function isEarly(reason: string): boolean {
  if (/time series index @timestamp value \[[^[\]]*\] must be smaller than/.test(reason)) return true;
  const [, timestamp = '', ranges = ''] =
    /document timestamp \[([^[\]]*)\] is outside of ranges of currently writable indices \[(.*)\]/.exec(
      reason,
    ) ?? [];
  const atMs = Date.parse(timestamp);
  const endsMs = [...ranges.matchAll(/\[[^[\],]*,([^[\]]*)\]/g)].map(([, end = '']) => Date.parse(end));
  return endsMs.length > 0 && endsMs.every((endMs) => atMs >= endMs);
}
