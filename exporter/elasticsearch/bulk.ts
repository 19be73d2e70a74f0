import { createHash } from 'node:crypto';
import type { PackedDocument, PackHead } from './pack.ts';
import type { SearchServer } from './server.ts';

/** One item of a bulk request. */
export interface SendItem {
  /** The data stream. */
  readonly index: string;
  /** Deterministic per document, whatever the sender and attempt. */
  readonly id: string;
  readonly body: string;
  readonly atMs: number;
  /** An answer about it was lost, perhaps before a restart: it may be stored already. */
  isUnsure: boolean;
}

/** A document from the queue, and how often it has failed so far. */
export interface BulkItem extends SendItem {
  /** Its form in the queue. */
  readonly source: { readonly head: PackHead; readonly document: PackedDocument };
  /** The server failed on it, and has not accepted another document of the stream since. */
  hasFailed: boolean;
  /** How often the server failed on it while accepting others of the stream. */
  failures: number;
}

/** The data stream's name. */
export function streamIndex(stream: string, namespace: string): string {
  return `metrics-kvm.${stream}-${namespace}`;
}

export function bulkItemOf(head: PackHead, document: PackedDocument, isUnsure: boolean): BulkItem {
  const { stream, key, body } = document;
  const hash = createHash('sha256').update(`${head.host}\n${stream}\n${key}\n${head.at}`).digest('base64url');
  return {
    index: streamIndex(stream, head.namespace),
    // Ids that increase over time let the server search only its newest segments.
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
 * A time series stream derives ids from dimensions and time, and rejects any other. OpenSearch has none, so it needs
 * explicit ids.
 */
export function bulkLines(items: readonly SendItem[], { kind }: Pick<SearchServer, 'kind'>): string {
  let lines = '';
  for (const { index, id, body } of items) {
    const target = kind === 'opensearch' ? `"_index":"${index}","_id":"${id}"` : `"_index":"${index}"`;
    lines += `{"create":{${target}}}\n${body}\n`;
  }
  return lines;
}

/** Approximate size of a document in a request. */
export function bytesOf({ body, index }: SendItem): number {
  return Buffer.byteLength(body) + index.length + 64;
}
