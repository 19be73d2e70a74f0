import { createHash } from 'node:crypto';
import type { PackedDocument, PackHead } from './pack.ts';
import { isObject, type SearchServer } from './server.ts';

/** One item of a bulk request: a document, and how often it has failed so far. */
export interface BulkItem {
  readonly index: string;
  /** The same for the same document, from any sender, at each attempt. */
  readonly id: string;
  readonly body: string;
  readonly atMs: number;
  /** Times that the server failed on it. */
  failures: number;
  /** An answer about it got lost, maybe in a life before this one: it may be there already. */
  isUnsure: boolean;
}

export function bulkItemOf(
  head: PackHead,
  { stream, key, body }: PackedDocument,
  isUnsure: boolean,
): BulkItem {
  const hash = createHash('sha256').update(`${head.host}\n${stream}\n${key}\n${head.at}`).digest('base64url');
  return {
    index: `metrics-kvm.${stream}-${head.namespace}`,
    // Ids that rise with time let the server look for them in its newest segments only.
    id: `${head.at.toString(36)}-${hash.slice(0, 22)}`,
    body,
    atMs: head.at,
    failures: 0,
    isUnsure,
  };
}

/**
 * A time series stream makes the id itself, of dimensions and time, and takes no other. OpenSearch has none, so
 * there it is given.
 */
export function bulkLines(items: readonly BulkItem[], { kind }: Pick<SearchServer, 'kind'>): string {
  let lines = '';
  for (const { index, id, body } of items) {
    const target = kind === 'opensearch' ? `"_index":"${index}","_id":"${id}"` : `"_index":"${index}"`;
    lines += `{"create":{${target}}}\n${body}\n`;
  }
  return lines;
}

/** About what a document adds to a request. */
export function bytesOf({ body, index }: BulkItem): number {
  return Buffer.byteLength(body) + index.length + 64;
}

/** What became of one document. */
export type Verdict =
  | { readonly kind: 'delivered' }
  /** It was there already: an answer got lost on the way. */
  | { readonly kind: 'duplicate' }
  /** The server has no room for it just now. */
  | { readonly kind: 'busy'; readonly reason: string }
  /** The server failed on this one. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** Somebody has to do something: permissions, templates. */
  | { readonly kind: 'blocked'; readonly status: number; readonly reason: string }
  /** It will never be taken. */
  | { readonly kind: 'rejected'; readonly status: number; readonly reason: string };

function judge(status: number, reason: string): Verdict {
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  if (status === 409) return { kind: 'duplicate' };
  if (status === 429 || status === 503) return { kind: 'busy', reason };
  if (status === 401 || status === 403 || status === 404) return { kind: 'blocked', status, reason };
  if (status >= 400 && status < 500) return { kind: 'rejected', status, reason };
  return { kind: 'failed', reason };
}

/** One verdict a document, in their order; undefined where the answer is not one to so many documents. */
export function readBulkAnswer(body: unknown, count: number): Verdict[] | undefined {
  const items = isObject(body) ? body['items'] : undefined;
  if (!Array.isArray(items) || items.length !== count) return undefined;
  const verdicts: Verdict[] = [];
  for (const item of items as readonly unknown[]) {
    const result = isObject(item) ? item['create'] : undefined;
    if (!isObject(result) || typeof result['status'] !== 'number') return undefined;
    const error = result['error'];
    const reason = isObject(error)
      ? `${String(error['type'])}: ${String(error['reason'])}`
      : 'no reason given';
    verdicts.push(judge(result['status'], reason));
  }
  return verdicts;
}
