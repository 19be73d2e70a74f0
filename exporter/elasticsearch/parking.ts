import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DiskQueue, type QueueOptions, type QueueState } from '../queue/queue.ts';
import { isAside } from '../queue/segment.ts';
import type { BulkItem } from './bulk.ts';
import { type PackedDocument, type PackHead, packAgain } from './pack.ts';

/** The place of documents whose time is still to come: a clock was ahead, and was set back. No stream has this name. */
export const FUTURE = 'future';

/** Empties the queue of one stream; see BulkSender. */
export interface ParkedSender {
  /** Does nothing when it has been started. */
  start(): void;
  stop(graceMs: number): Promise<void>;
}

export interface ParkingParts {
  /** A folder within the locked folder of the queue. */
  readonly dir: string;
  /** For all streams together. */
  readonly maxBytes: number;
  readonly queue: Pick<QueueOptions, 'kind' | 'maxAgeMs' | 'now' | 'onDrop' | 'onTrouble'>;
  /** A sender for the documents of one stream. */
  readonly senderOf: (queue: DiskQueue, stream: string) => ParkedSender;
}

interface Place {
  readonly queue: DiskQueue;
  readonly sender: ParkedSender;
}

/**
 * Where documents of a stream wait that accepts none, while the others go on: a queue on disk and a sender for each such
 * stream, with separate retries. Once a queue is empty, new documents of the stream take the usual way again.
 */
export class Parking {
  readonly #parts: ParkingParts;
  readonly #places = new Map<string, Place>();

  private constructor(parts: ParkingParts) {
    this.#parts = parts;
  }

  /** With the streams that were parked when the process before this one ended. */
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
      // A file that was put aside is kept for its operator.
      if (!files.some(isAside)) await rm(folder, { recursive: true, force: true });
    }
    return parking;
  }

  /** Whether documents of this stream wait here: later ones must not be sent past them. */
  has(stream: string): boolean {
    return (this.#places.get(stream)?.queue.state.documents ?? 0) > 0;
  }

  /**
   * @param name a place for documents of several streams, instead of one for each stream
   * @returns those that are on the disk now; the others the disk did not take
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
