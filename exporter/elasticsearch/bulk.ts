import { createHash } from 'node:crypto';
import type { PackedDocument, PackHead } from './pack.ts';
import type { SearchServer } from './server.ts';

/** One item of a bulk request. */
export interface SendItem {
  /** The data stream. */
  readonly index: string;
  /** The same for the same document, from any sender, at each attempt. */
  readonly id: string;
  readonly body: string;
  readonly atMs: number;
  /** An answer about it got lost, maybe in a life before this one: it may be there already. */
  isUnsure: boolean;
}

/** A document from the queue, and how often it has failed so far. */
export interface BulkItem extends SendItem {
  /** As it is in the queue. */
  readonly source: { readonly head: PackHead; readonly document: PackedDocument };
  /** The server failed on it, and has not accepted another document of the stream since. */
  hasFailed: boolean;
  /** How often the server failed on it while it accepted others of the stream. */
  failures: number;
}

/** The data stream of a kind of document. */
export function streamIndex(stream: string, namespace: string): string {
  return `metrics-kvm.${stream}-${namespace}`;
}

export function bulkItemOf(head: PackHead, document: PackedDocument, isUnsure: boolean): BulkItem {
  const { stream, key, body } = document;
  const hash = createHash('sha256').update(`${head.host}\n${stream}\n${key}\n${head.at}`).digest('base64url');
  return {
    index: streamIndex(stream, head.namespace),
    // Ids that rise with time let the server look for them in its newest segments only.
    id: `${head.at.toString(36)}-${hash.slice(0, 22)}`,
    body,
    atMs: head.at,
    source: { head, document },
    hasFailed: false,
    failures: 0,
    isUnsure,
  };
}

/**
 * A time series stream makes the id itself, of dimensions and time, and takes no other. OpenSearch has none, so
 * there it is given.
 */
export function bulkLines(items: readonly SendItem[], { kind }: Pick<SearchServer, 'kind'>): string {
  let lines = '';
  for (const { index, id, body } of items) {
    const target = kind === 'opensearch' ? `"_index":"${index}","_id":"${id}"` : `"_index":"${index}"`;
    lines += `{"create":{${target}}}\n${body}\n`;
  }
  return lines;
}

/** About what a document adds to a request. */
export function bytesOf({ body, index }: SendItem): number {
  return Buffer.byteLength(body) + index.length + 64;
}
