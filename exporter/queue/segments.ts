import type { QueueRecord } from './record.ts';
import { findSegments, Segment } from './segment.ts';
import { isOfMedium } from './unreadable.ts';

/** The files of a queue, oldest first; the last one is written to until it is full. */
export class Segments {
  readonly #dir: string;
  readonly #segmentBytes: number;
  readonly #onTrouble: (error: Error) => void;
  readonly #all: Segment[];
  /** Number of the next document, according to the files. */
  readonly end: number;
  /** Before `end` where the last file cannot be read: documents have numbers up to this one, and may have more. */
  readonly certainEnd: number;
  #writable: Segment | undefined;

  private constructor(
    dir: string,
    segmentBytes: number,
    onTrouble: (error: Error) => void,
    all: Segment[],
    { end, certainEnd }: Ends,
  ) {
    this.#dir = dir;
    this.#segmentBytes = segmentBytes;
    this.#onTrouble = onTrouble;
    this.#all = all;
    this.end = end;
    this.certainEnd = certainEnd;
  }

  static async open(dir: string, segmentBytes: number, onTrouble: (error: Error) => void): Promise<Segments> {
    const all = await findSegments(dir);
    const { end, certainEnd } = await truncateDamagedEnd(all, onTrouble);
    return new Segments(dir, segmentBytes, onTrouble, all, { end, certainEnd });
  }

  get first(): Segment | undefined {
    return this.#all[0];
  }

  get bytes(): number {
    return this.#all.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  find(firstDocument: number): Segment | undefined {
    return this.#all.find((segment) => segment.firstDocument === firstDocument);
  }

  after(segment: Segment): Segment | undefined {
    return this.#all[this.#all.indexOf(segment) + 1];
  }

  /** All but the one that is written to, each with the one after it. */
  closed(): (readonly [segment: Segment, next: Segment])[] {
    return this.#all.slice(0, -1).map((segment, index) => [segment, this.#all[index + 1] as Segment]);
  }

  /** False where the disk does not take it. */
  async write(record: QueueRecord): Promise<boolean> {
    const isNew = this.#writable === undefined || this.#writable.bytes >= this.#segmentBytes;
    const segment = isNew ? new Segment(this.#dir, record.firstDocument) : (this.#writable as Segment);
    try {
      await segment.append(record);
    } catch (error) {
      this.#onTrouble(error as Error);
      if (isNew) await this.#remove(segment);
      return false;
    }
    if (isNew) {
      // What was written to it is on the disk; a close that fails loses nothing.
      await this.#writable?.rest().catch(this.#onTrouble);
      this.#all.push(segment);
      this.#writable = segment;
    }
    return true;
  }

  async drop(segment: Segment): Promise<void> {
    const index = this.#all.indexOf(segment);
    if (index >= 0) this.#all.splice(index, 1);
    if (this.#writable === segment) this.#writable = undefined;
    await this.#remove(segment);
  }

  /** Takes it out of the queue, and keeps its file. Rejects where that cannot be renamed, and it stays in the queue. */
  async putAside(segment: Segment): Promise<void> {
    await segment.putAside();
    this.#all.splice(this.#all.indexOf(segment), 1);
    if (this.#writable === segment) this.#writable = undefined;
  }

  /** Whether the disk can read any of the other files; also where there is none. */
  async canReadOthers(than: Segment): Promise<boolean> {
    const others = this.#all.filter((segment) => segment !== than);
    for (const segment of others) {
      const isRead = await segment.read(0).then(
        () => true,
        () => false,
      );
      if (segment !== this.#writable) await segment.rest().catch(() => undefined);
      if (isRead) return true;
    }
    return others.length === 0;
  }

  async dropBefore(segment: Segment): Promise<void> {
    while (this.#all[0] !== undefined && this.#all[0] !== segment) await this.drop(this.#all[0]);
  }

  isFull(segment: Segment): boolean {
    return segment !== this.#writable || segment.bytes >= this.#segmentBytes;
  }

  async close(): Promise<void> {
    for (const segment of this.#all) await segment.rest();
  }

  async #remove(segment: Segment): Promise<void> {
    await segment.remove().catch(this.#onTrouble);
  }
}

type Ends = Pick<Segments, 'end' | 'certainEnd'>;

/** Cuts off what a crash left half written; resolves with the number of the document to come. */
async function truncateDamagedEnd(segments: Segment[], onTrouble: (error: Error) => void): Promise<Ends> {
  for (let last = segments.at(-1); last !== undefined; last = segments.at(-1)) {
    let end: number | undefined;
    let offset = 0;
    try {
      for (let found = await last.read(0); found !== undefined; found = await last.read(offset)) {
        offset = found.next;
        end = found.record.firstDocument + found.record.documents;
      }
    } catch (error) {
      if (!isOfMedium(error)) throw error;
      // It may be readable later. A document has far more than a byte, so numbers from there on are free.
      onTrouble(error as Error);
      return { end: last.firstDocument + last.bytes, certainEnd: end ?? last.firstDocument + 1 };
    }
    if (end !== undefined) {
      last.bytes = offset;
      await last.rest();
      return { end, certainEnd: end };
    }
    const { firstDocument } = last;
    await last.remove();
    segments.pop();
    if (segments.length === 0) return { end: firstDocument, certainEnd: firstDocument };
  }
  return { end: 0, certainEnd: 0 };
}
