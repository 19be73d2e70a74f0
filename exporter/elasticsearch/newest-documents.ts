import type { Document } from '../documents/documents.ts';
import { type BulkItem, bulkItemOf, type SendItem, streamIndex } from './bulk.ts';
import type { PackedDocument, PackHead } from './pack.ts';

/**
 * The newest document of each stream. When an index refuses older ones, sending it ahead shows whether the stream
 * accepts any, since the queue only returns documents in order.
 */
export class NewestDocuments {
  readonly #newest = new Map<string, { readonly head: PackHead; readonly document: PackedDocument }>();
  /** Documents sent ahead, which will come from the queue later. */
  readonly #sent = new Set<string>();

  note(head: PackHead, { stream, key, body }: Document): void {
    this.#newest.set(stream, { head, document: { stream, key: JSON.stringify(key), body } });
  }

  /** A document to send ahead of its turn; undefined if none is newer than this. */
  later(index: string, atMs: number): BulkItem | undefined {
    for (const [stream, { head, document }] of this.#newest) {
      if (streamIndex(stream, head.namespace) !== index) continue;
      return head.at > atMs ? bulkItemOf(head, document, false) : undefined;
    }
    return undefined;
  }

  /** Call when it may be on the server. */
  noteSent(item: SendItem): void {
    this.#sent.add(keyOf(item));
  }

  /** Whether it was sent ahead. Call once, when its turn comes. */
  wasSent(item: SendItem): boolean {
    return this.#sent.size > 0 && this.#sent.delete(keyOf(item));
  }
}

const keyOf = ({ index, id }: SendItem): string => `${index} ${id}`;
