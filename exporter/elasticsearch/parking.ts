import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DiskQueue, type QueueOptions, type QueueState } from '../queue/queue.ts';
import { isAside } from '../queue/segment.ts';
import type { BulkItem } from './bulk.ts';
import { type PackedDocument, type PackHead, packAgain } from './pack.ts';

/**
 * Queue for documents with future timestamps, from a clock that was ahead and was set back. No stream has this name.
 */
export const FUTURE = 'future';

/** Drains the queue of one stream; see BulkSender. */
export interface ParkedSender {
  /** No-op if already started. */
  start(): void;
  stop(graceMs: number): Promise<void>;
}

export interface ParkingParts {
  /** A folder inside the queue's locked folder. */
  readonly dir: string;
  /** For all streams together. */
  readonly maxBytes: number;
  readonly queue: Pick<QueueOptions, 'kind' | 'maxAgeMs' | 'now' | 'onDrop' | 'onTrouble'>;
  /** Creates a sender for one stream's documents. */
  readonly senderOf: (queue: DiskQueue, stream: string) => ParkedSender;
}

interface Place {
  readonly queue: DiskQueue;
  readonly sender: ParkedSender;
}

/**
 * Parks documents of streams that accept none, so that others are not blocked: a queue on disk and a sender per stream,
 * with separate retries. Once its queue is empty, new documents of a stream take the normal path again.
 */
export class Parking {
  readonly #parts: ParkingParts;
  readonly #places = new Map<string, Place>();

  private constructor(parts: ParkingParts) {
    this.#parts = parts;
  }

  /** Restores the streams parked by the previous process. */
  static async open(parts: ParkingParts): Promise<Parking> {
    const parking = new Parking(parts);
    const streams = await readdir(parts.dir).catch(() => []);
    for (const stream of streams) {
      const place = await parking.#placeOf(stream);
      if (place.queue.state.documents > 0 || place.queue.mayHaveMore) {
        place.sender.start();
        continue;
      }
      parking.#places.delete(stream);
      await place.queue.close();
      const folder = join(parts.dir, stream);
      const files = await readdir(folder).catch(() => []);
      // A file set aside is kept for the operator.
      if (!files.some(isAside)) await rm(folder, { recursive: true, force: true });
    }
    return parking;
  }

  /** Whether documents of this stream are parked: later ones must not overtake them. */
  has(stream: string): boolean {
    return (this.#places.get(stream)?.queue.state.documents ?? 0) > 0;
  }

  /**
   * @param name one queue for documents of several streams, instead of one per stream
   * @returns those that are now on disk; writing the others failed
   */
  async park(items: readonly BulkItem[], name?: typeof FUTURE): Promise<BulkItem[]> {
    const parked: BulkItem[] = [];
    for (const [stream, own] of groupedBy(items, ({ index }) => name ?? index)) {
      const place = await this.#placeOf(stream).catch((error: Error) => {
        this.#parts.queue.onTrouble(error);
        return undefined;
      });
      if (place === undefined) continue;
      for (const [head, ofMoment] of groupedBy(own, ({ source }) => source.head)) {
        if (await store(place.queue, head, ofMoment)) parked.push(...ofMoment);
      }
      place.sender.start();
    }
    return parked;
  }

  /** Of each stream that is or was parked. */
  get states(): ReadonlyMap<string, QueueState> {
    return new Map([...this.#places].map(([stream, { queue }]) => [stream, queue.state]));
  }

  get bytes(): number {
    return [...this.#places.values()].reduce((sum, { queue }) => sum + queue.state.bytes, 0);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#places.values()].map(({ sender }) => sender.stop(0)));
    for (const { queue } of this.#places.values()) await queue.close();
    this.#places.clear();
  }

  async #placeOf(stream: string): Promise<Place> {
    const known = this.#places.get(stream);
    if (known !== undefined) return known;
    const { dir, maxBytes, queue: options, senderOf } = this.#parts;
    const ownBytes = (): number => this.#places.get(stream)?.queue.state.bytes ?? 0;
    const queue = await DiskQueue.open({
      ...options,
      dir: join(dir, stream),
      maxBytes: () => maxBytes - (this.bytes - ownBytes()),
      lock: false,
    });
    const place = { queue, sender: senderOf(queue, stream) };
    this.#places.set(stream, place);
    return place;
  }
}

function store(queue: DiskQueue, head: PackHead, items: readonly BulkItem[]): Promise<boolean> {
  const documents: readonly PackedDocument[] = items.map(({ source }) => source.document);
  return packAgain(head, documents).then((payload) => queue.store(payload, documents.length, head.at));
}

function groupedBy<K>(items: readonly BulkItem[], keyOf: (item: BulkItem) => K): Map<K, BulkItem[]> {
  const groups = new Map<K, BulkItem[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
