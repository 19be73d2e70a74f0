import type { DiskQueue } from '../queue/queue.ts';
import { type BulkItem, bulkItemOf, bytesOf } from './bulk.ts';
import type { DeadLetter } from './dead-letters/letter.ts';
import type { NewestDocuments } from './newest-documents.ts';
import { unpack } from './pack.ts';
import type { SinkMeter } from './sink-meter.ts';

export interface BatchParts {
  readonly queue: Pick<DiskQueue, 'take'>;
  /** Documents with lower numbers may already be on the server. */
  readonly inherited: number;
  readonly meter: Pick<SinkMeter, 'countDropped'>;
  readonly newest?: Pick<NewestDocuments, 'wasSent'> | undefined;
  /** Records are taken until the batch has this many bytes. */
  readonly batchBytes: number;
}

/** A document is given up after this many failures while the server accepted others of its stream. */
const FAILURES_MAX = 10;

/** Documents taken from the queue but not settled, in sending order. */
export class Batch {
  readonly #parts: BatchParts;
  #items: BulkItem[] = [];

  constructor(parts: BatchParts) {
    this.#parts = parts;
  }

  get items(): readonly BulkItem[] {
    return this.#items;
  }

  /**
   * Takes records from the queue. Their documents go first, so that they are tried before those that were refused.
   * @param isParked whether the stream's documents are parked
   * @returns `parked`: the new documents of parked streams, which go after the other new ones; `mayHaveMore`: false if
   * the queue has no more records now
   */
  async fill(
    isParked: (stream: string) => boolean,
  ): Promise<{ readonly parked: ReadonlySet<BulkItem>; readonly mayHaveMore: boolean }> {
    let bytes = bytesIn(this.#items);
    const fresh: BulkItem[] = [];
    const parked: BulkItem[] = [];
    let mayHaveMore = true;
    try {
      while (bytes < this.#parts.batchBytes) {
        const items = await this.#take();
        if (items === undefined) {
          mayHaveMore = false;
          break;
        }
        for (const item of items) {
          bytes += bytesOf(item);
          (isParked(item.index) ? parked : fresh).push(item);
        }
      }
    } finally {
      // Even if the disk fails: what was taken would be settled with the rest.
      this.#items = [...fresh, ...parked, ...this.#items];
    }
    return { parked: new Set(parked), mayHaveMore };
  }

  /** The documents of the next queued record; undefined if there is none now. */
  async #take(): Promise<BulkItem[] | undefined> {
    const { queue, meter, inherited, newest } = this.#parts;
    const record = await queue.take();
    if (record === undefined) return undefined;
    const packed = await unpack(record.payload);
    if (packed === undefined || packed.documents.length !== record.documents) {
      meter.countDropped('damaged', record.documents);
      return [];
    }
    const isUnsure = record.firstDocument < inherited;
    return packed.documents.map((document) => {
      const item = bulkItemOf(packed.head, document, isUnsure);
      if (newest?.wasSent(item) === true) item.isUnsure = true;
      return item;
    });
  }

  /** As many documents as may be sent at once: at least one. */
  head(maxBytes: number): BulkItem[] {
    let bytes = 0;
    let count = 0;
    for (const item of this.#items) {
      bytes += bytesOf(item);
      if (count > 0 && bytes > maxBytes) break;
      count++;
    }
    return this.#items.slice(0, count);
  }

  /** Removes what `head` returned, and appends what is left of it, so that the others are tried first. */
  settle(sent: readonly BulkItem[], left: readonly BulkItem[]): void {
    this.#items = [...this.#items.slice(sent.length), ...left];
  }

  /** Removes documents older than this. @returns how many */
  expire(oldestMs: number): number {
    const before = this.#items.length;
    if (this.#items.some(({ atMs }) => atMs < oldestMs)) {
      this.#items = this.#items.filter(({ atMs }) => atMs >= oldestMs);
    }
    return before - this.#items.length;
  }

  remove(items: ReadonlySet<BulkItem>): void {
    if (items.size > 0) this.#items = this.#items.filter((item) => !items.has(item));
  }

  /**
   * Removes documents on which the server failed too often. A failure counts only if it then accepted another of the
   * stream.
   * @param open streams of which the server accepted a document
   */
  giveUp(open: ReadonlySet<string>): DeadLetter[] {
    const letters: DeadLetter[] = [];
    for (const item of this.#items) {
      if (!item.hasFailed || !open.has(item.index)) continue;
      item.hasFailed = false;
      if (++item.failures < FAILURES_MAX) continue;
      const reason = `the server failed on it ${FAILURES_MAX} times and accepted others`;
      letters.push({ item, status: 500, reason });
    }
    this.remove(new Set(letters.map(({ item }) => item)));
    return letters;
  }
}

export function bytesIn(items: readonly BulkItem[]): number {
  return items.reduce((sum, item) => sum + bytesOf(item), 0);
}
