import type { Document } from '../documents/documents.ts';
import { type BulkItem, bulkItemOf, type SendItem, streamIndex } from './bulk.ts';
import type { PackedDocument, PackHead } from './pack.ts';

/**
 * The newest document of each stream. When an index refuses older ones, sending it shows whether the stream takes any: the
 * queue gives documents in their order only.
 */
export class NewestDocuments {
  readonly #newest = new Map<string, { readonly head: PackHead; readonly document: PackedDocument }>();
  /** Of those that may be on the server and come from the queue later. */
  readonly #sent = new Set<string>();

  note(head: PackHead, { stream, key, body }: Document): void {
    this.#newest.set(stream, { head, document: { stream, key: JSON.stringify(key), body } });
  }

  /** To send ahead of its turn; undefined where none is later than this. */
  later(index: string, atMs: number): BulkItem | undefined {
    for (const [stream, { head, document }] of this.#newest) {
      if (streamIndex(stream, head.namespace) !== index) continue;
      return head.at > atMs ? bulkItemOf(head, document, false) : undefined;
    }
    return undefined;
  }

  /** It may be on the server from now on. */
  noteSent(item: SendItem): void {
    this.#sent.add(keyOf(item));
  }

  /** Whether it was sent ahead of its turn, which comes now. */
  wasSent(item: SendItem): boolean {
    return this.#sent.size > 0 && this.#sent.delete(keyOf(item));
  }
}

const keyOf = ({ index, id }: SendItem): string => `${index} ${id}`;
