import type { QueueRecord } from './record.ts';
import { findSegments, Segment } from './segment.ts';
import { isOfMedium } from './unreadable.ts';

/** The files of a queue, oldest first; records are appended to the last one until it is full. */
export class Segments {
  readonly #dir: string;
  readonly #segmentBytes: number;
  readonly #onTrouble: (error: Error) => void;
  readonly #all: Segment[];
  /** Number of the next document, according to the files. */
  readonly end: number;
  /** Less than `end` if the last file cannot be read: document numbers reach at least this far, and perhaps further. */
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

  /** All but the one being written, each with its successor. */
  closed(): (readonly [segment: Segment, next: Segment])[] {
    return this.#all.slice(0, -1).map((segment, index) => [segment, this.#all[index + 1] as Segment]);
  }

  /** False if the write fails. */
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
      // Its data is already synced; a failed close loses nothing.
      await this.#writable?.closeFile().catch(this.#onTrouble);
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

  /** Removes it from the queue but keeps its file. Rejects if the rename fails; then it stays in the queue. */
  async putAside(segment: Segment): Promise<void> {
    await segment.putAside();
    this.#all.splice(this.#all.indexOf(segment), 1);
    if (this.#writable === segment) this.#writable = undefined;
  }

  /** Whether any of the other files can be read; true if there are none. */
  async canReadOthers(than: Segment): Promise<boolean> {
    const others = this.#all.filter((segment) => segment !== than);
    for (const segment of others) {
      const isRead = await segment.read(0).then(
        () => true,
        () => false,
      );
      if (segment !== this.#writable) await segment.closeFile().catch(() => undefined);
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
    for (const segment of this.#all) await segment.closeFile();
  }

  async #remove(segment: Segment): Promise<void> {
    await segment.remove().catch(this.#onTrouble);
  }
}

type Ends = Pick<Segments, 'end' | 'certainEnd'>;

/** Truncates what a crash left half written; resolves with the number of the next document. */
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
      // It may be readable later. A document takes far more than one byte, so numbers beyond its size are free.
      onTrouble(error as Error);
      return { end: last.firstDocument + last.bytes, certainEnd: end ?? last.firstDocument + 1 };
    }
    if (end !== undefined) {
      last.bytes = offset;
      await last.closeFile();
      return { end, certainEnd: end };
    }
    const { firstDocument } = last;
    await last.remove();
    segments.pop();
    if (segments.length === 0) return { end: firstDocument, certainEnd: firstDocument };
  }
  return { end: 0, certainEnd: 0 };
}
