import { makeFolder } from '../../sampler/make-folder.ts';
import type { DropReason } from './drop-reason.ts';
import { checkKind, writeKind } from './kind-file.ts';
import { lockFolder } from './lock.ts';
import { countNotIn, type Position, readPosition, withRange, writePosition } from './position.ts';
import { exporterAdvice, queueFolderError, queueInUse } from './queue-error.ts';
import type { QueueKind } from './queue-kind.ts';
import type { QueueRecord } from './record.ts';
import type { Segment } from './segment.ts';
import { Segments } from './segments.ts';
import { Spill } from './spill.ts';
import { asideError, isOfMedium, ReadPatience } from './unreadable.ts';

export interface QueueOptions {
  readonly dir: string;
  /** The sink whose records it holds. */
  readonly kind: QueueKind;
  /** Evaluated after each record, since queues may share a limit. */
  readonly maxBytes: number | (() => number);
  readonly maxAgeMs: number;
  readonly now: () => number;
  readonly onDrop: (reason: DropReason, documents: number) => void;
  /** Called with disk errors that the queue survives. */
  readonly onTrouble: (error: Error) => void;
  readonly segmentBytes?: number | undefined;
  /** Limit on what is held in memory while the disk fails. */
  readonly spillBytes?: number | undefined;
  /** False for a folder within one that this process has locked. Default: true. */
  readonly lock?: boolean | undefined;
  /** A monotonic clock. Default: that of the process. */
  readonly monotonicMs?: (() => number) | undefined;
}

export interface QueueState {
  readonly bytes: number;
  readonly documents: number;
  /** When the oldest unsettled document was sampled. */
  readonly oldestAtMs: number | undefined;
}

const SEGMENT_BYTES = 16 * 1024 * 1024;
/** Segments are dropped whole; this limits the share of a full queue lost at once. */
const SEGMENTS_MIN = 8;
const SPILL_BYTES = 8 * 1024 * 1024;

/**
 * A queue on disk that one process fills and drains. A record is durable once `append` has resolved; it is taken in
 * order and stays until `commit`, or until a limit drops it. Drops are always counted exactly, since documents are
 * numbered. One reader at a time.
 */
export class DiskQueue {
  readonly #options: QueueOptions;
  readonly #segments: Segments;
  readonly #spill: Spill;
  readonly #unlock: () => Promise<void>;
  readonly #patience: ReadPatience;
  /** Documents with lower numbers were queued by a previous process, which may have sent them. */
  readonly inherited: number;
  #settled: Position;
  /** Where the next record is taken from; ahead of `#settled` by what is taken but not settled. */
  #segment: Segment | undefined;
  #offset: number;
  #takenTo: number;
  #nextDocument: number;
  #oldestAtMs: number | undefined;
  #work: Promise<void> = Promise.resolve();
  #waitingBytes = 0;
  /** Called after each record that came in. */
  onAppend: () => void = () => undefined;

  private constructor(
    options: QueueOptions,
    unlock: () => Promise<void>,
    segments: Segments,
    position: Position | undefined,
  ) {
    this.#options = options;
    this.#unlock = unlock;
    this.#segments = segments;
    this.#spill = new Spill(options.spillBytes ?? SPILL_BYTES);
    this.#patience = new ReadPatience(options.monotonicMs ?? (() => performance.now()));
    // Without a position, assume that everything before the first file is settled.
    const start = segments.first?.firstDocument ?? segments.end;
    this.#settled = position ?? { segment: start, offset: 0, document: start, dropped: [] };
    const { dropped, document } = this.#settled;
    // While the last file cannot be read, its documents past this number are unknown, and not lost yet.
    const certainEnd = Math.max(segments.certainEnd, position?.end ?? 0, document);
    if (certainEnd < segments.end)
      this.#settled = { ...this.#settled, dropped: withRange(dropped, certainEnd, segments.end) };
    this.#takenTo = document;
    this.#nextDocument = Math.max(document, segments.end, dropped.at(-1)?.[1] ?? 0);
    this.inherited = this.#nextDocument;
    const at = segments.find(this.#settled.segment);
    this.#segment = at ?? segments.first;
    this.#offset = at === undefined ? 0 : this.#settled.offset;
  }

  /**
   * @throws QueueError when the folder cannot be used, another process uses it, or it holds the queue of another sink,
   * which is then left unchanged
   */
  static async open(given: QueueOptions): Promise<DiskQueue> {
    const { dir, kind } = given;
    const explained = (error: Error): Error => queueFolderError(dir, error, exporterAdvice(kind));
    const options = { ...given, onTrouble: (error: Error): void => given.onTrouble(explained(error)) };
    const segmentBytes = Math.min(SEGMENT_BYTES, Math.ceil(limitOf(options) / SEGMENTS_MIN));
    let unlock = async (): Promise<void> => undefined;
    try {
      await makeFolder(dir, { mode: 0o700 });
      // Before locking: an exporter that holds the lock may be of the other sink.
      await checkKind(dir, kind);
      if (options.lock !== false) {
        unlock = await lockFolder(dir, () => queueInUse(dir, kind));
        // Again: another process may have created the queue in between.
        await checkKind(dir, kind);
      }
      await writeKind(dir, kind).catch(options.onTrouble);
      const segments = await Segments.open(dir, options.segmentBytes ?? segmentBytes, options.onTrouble);
      const queue = new DiskQueue(options, unlock, segments, await readPosition(dir));
      await queue.#enqueue(() => queue.#tidy());
      return queue;
    } catch (error) {
      await unlock();
      throw explained(error as Error);
    }
  }

  get state(): QueueState {
    return {
      bytes: this.#segments.bytes + this.#spill.bytes,
      documents: countNotIn(this.#settled.dropped, this.#settled.document, this.#nextDocument),
      oldestAtMs: this.#oldestAtMs,
    };
  }

  /** Never rejects: what cannot be written to disk is held in memory, and dropped when that is full. */
  async append(payload: Buffer, documents: number, atMs: number): Promise<void> {
    // Bounds memory when the disk hangs.
    if (this.#waitingBytes > 0 && this.#waitingBytes + payload.length > this.#spill.maxBytes) {
      this.#options.onDrop('disk', documents);
      return;
    }
    this.#waitingBytes += payload.length;
    await this.#enqueue(async () => {
      const record = { firstDocument: this.#nextDocument, documents, atMs, payload };
      this.#nextDocument += documents;
      this.#oldestAtMs ??= atMs;
      await this.#store(record);
      // The record is stored, even if enforcing the limits fails.
      await this.#limit().catch(this.#options.onTrouble);
    });
    this.#waitingBytes -= payload.length;
    this.onAppend();
  }

  /** Like `append`, but only to disk: returns false if the write fails, and the record is not queued. */
  async store(payload: Buffer, documents: number, atMs: number): Promise<boolean> {
    const isStored = await this.#enqueue(async () => {
      const record = { firstDocument: this.#nextDocument, documents, atMs, payload };
      if (this.#spill.first !== undefined || !(await this.#segments.write(record))) return false;
      this.#nextDocument += documents;
      this.#oldestAtMs ??= atMs;
      await this.#limit().catch(this.#options.onTrouble);
      return true;
    });
    if (isStored) this.onAppend();
    return isStored;
  }

  /** The next record, which stays in the queue until `commit`; undefined if there is none now. */
  async take(): Promise<QueueRecord | undefined> {
    return this.#enqueue(async () => {
      for (;;) {
        const record = await this.#next();
        if (record === undefined) return undefined;
        const end = record.firstDocument + record.documents;
        if (end <= this.#takenTo) continue;
        this.#count('damaged', this.#takenTo, record.firstDocument);
        this.#takenTo = end;
        if (record.atMs >= this.oldestAllowedMs) return record;
        this.#count('too_old', record.firstDocument, end);
      }
    });
  }

  /** Marks everything taken as settled. */
  async commit(): Promise<void> {
    await this.#enqueue(async () => {
      this.#spill.commit();
      this.#settle();
      await this.#tidy();
    });
  }

  /** Call when nothing is being sent: what was taken but not settled stays in the queue for the next process. */
  async close(): Promise<void> {
    try {
      await this.#enqueue(async () => {
        this.#spill.release();
        if (!(await this.#storeSpill())) for (const lost of this.#spill.drop()) this.#countLost(lost);
        await this.#save();
        await this.#segments.close();
      });
    } finally {
      await this.#unlock();
    }
  }

  /** Whether the last file was unreadable when the queue was opened: it may hold more documents than are counted. */
  get mayHaveMore(): boolean {
    return this.#segments.certainEnd < this.#segments.end;
  }

  /** Anything sampled before this is too old, and dropped instead of taken. */
  get oldestAllowedMs(): number {
    return this.#options.now() - this.#options.maxAgeMs;
  }

  /** Serialises all work: writing, reading and dropping use the same files. Rejects with a QueueError. */
  #enqueue<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#work.then(job).catch((error: Error) => {
      throw queueFolderError(this.#options.dir, error, exporterAdvice(this.#options.kind));
    });
    this.#work = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  async #next(): Promise<QueueRecord | undefined> {
    this.#segment ??= this.#segments.first;
    while (this.#segment !== undefined) {
      const found = await this.#read(this.#segment);
      if (found === 'aside') continue;
      if (found !== undefined) {
        this.#offset = found.next;
        return found.record;
      }
      const later = this.#segments.after(this.#segment);
      if (later === undefined) break;
      await this.#segment.closeFile();
      this.#segment = later;
      this.#offset = 0;
    }
    return this.#spill.take();
  }

  /** The next record in it; `aside` once it failed for so long that it was removed from the queue. */
  async #read(segment: Segment): Promise<Awaited<ReturnType<Segment['read']>> | 'aside'> {
    try {
      const found = await segment.read(this.#offset);
      this.#patience.reset();
      return found;
    } catch (error) {
      if (!isOfMedium(error)) throw error;
      const lastedMs = this.#patience.exhaustedAfterMs(segment);
      // If no file can be read, the whole disk has failed; once it is repaired, this file may be readable too.
      if (lastedMs === undefined || !(await this.#segments.canReadOthers(segment))) throw error;
      await this.#putAside(segment, lastedMs, error as Error);
      return 'aside';
    }
  }

  async #putAside(segment: Segment, lastedMs: number, error: Error): Promise<void> {
    const { kind, onTrouble } = this.#options;
    const next = this.#segments.after(segment);
    this.#countGapBefore(segment);
    const from = Math.max(segment.firstDocument, this.#takenTo);
    const to = next?.firstDocument ?? this.#spill.first?.firstDocument ?? this.#nextDocument;
    const isSending = this.#takenTo > this.#settled.document;
    await this.#segments.putAside(segment);
    this.#patience.reset();
    onTrouble(
      asideError(segment, { kind, documents: countNotIn(this.#settled.dropped, from, to), lastedMs, error }),
    );
    this.#count('unreadable', from, to);
    this.#segment = next;
    this.#offset = 0;
    this.#takenTo = Math.max(this.#takenTo, to);
    if (!isSending) this.#settle();
    await this.#save();
  }

  async #store(record: QueueRecord): Promise<void> {
    if ((await this.#storeSpill()) && (await this.#segments.write(record))) return;
    for (const lost of this.#spill.push(record)) this.#countLost(lost);
  }

  /** Of records held only in memory. */
  #countLost({ firstDocument, documents }: QueueRecord): void {
    this.#count('disk', firstDocument, firstDocument + documents);
  }

  /** Whether memory is empty. Records being sent from there stay until they are settled. */
  async #storeSpill(): Promise<boolean> {
    for (let record = this.#spill.first; record !== undefined; record = this.#spill.first) {
      if (this.#spill.isTaken || !(await this.#segments.write(record))) return false;
      this.#spill.shift();
    }
    return true;
  }

  /** Drops whole segments, oldest first, until the limits hold; never those being sent, nor the one being written. */
  async #limit(): Promise<void> {
    for (const [segment, next] of this.#segments.closed()) {
      const isSending = this.#takenTo > this.#settled.document;
      if (isSending && segment.firstDocument < this.#takenTo) continue;
      // An unreadable file must not defeat the size limit.
      const startedAtMs = await next.startedAtMs().catch(() => undefined);
      const isOld = (startedAtMs ?? Number.POSITIVE_INFINITY) < this.oldestAllowedMs;
      if (!isOld && this.#segments.bytes <= limitOf(this.#options)) return;
      if (this.#segment === segment) this.#countGapBefore(segment);
      const from = Math.max(segment.firstDocument, this.#settled.document);
      this.#count(isOld ? 'too_old' : 'queue_full', from, next.firstDocument);
      await this.#save();
      await this.#segments.drop(segment);
      if (this.#segment === segment) {
        this.#segment = next;
        this.#offset = 0;
        this.#takenTo = Math.max(this.#takenTo, next.firstDocument);
        if (!isSending) this.#settle();
      }
      await this.#tidy();
    }
  }

  #settle(): void {
    const document = this.#takenTo;
    this.#settled = {
      segment: this.#segment?.firstDocument ?? document,
      offset: this.#offset,
      document,
      dropped: this.#settled.dropped.filter(([, end]) => end > document),
    };
  }

  /**
   * Counts what was damaged at the end of the file before the current one; otherwise the next record that is read would
   * reveal it.
   */
  #countGapBefore(segment: Segment): void {
    this.#count('damaged', this.#takenTo, segment.firstDocument);
  }

  #count(reason: DropReason, from: number, to: number): void {
    if (from >= to) return;
    const lost = countNotIn(this.#settled.dropped, from, to);
    if (lost > 0) this.#options.onDrop(reason, lost);
    this.#settled = { ...this.#settled, dropped: withRange(this.#settled.dropped, from, to) };
  }

  /**
   * Saves the position before removing settled files: a process killed in between leaves files that are no longer
   * needed, not a gap that the next one would take for damage.
   */
  async #tidy(): Promise<void> {
    await this.#save();
    const { document, segment: settledIn } = this.#settled;
    const keep = this.#segments.find(settledIn) ?? this.#segment;
    if (keep !== undefined) await this.#segments.dropBefore(keep);
    const { first } = this.#segments;
    const isRead = first !== undefined && first === this.#segment && this.#offset >= first.bytes;
    if (isRead && document >= this.#takenTo && this.#segments.isFull(first)) {
      this.#segment = this.#segments.after(first);
      this.#offset = 0;
      await this.#segments.drop(first);
    }
    await this.#findOldest();
  }

  async #findOldest(): Promise<void> {
    if (this.#settled.document >= this.#nextDocument) this.#oldestAtMs = undefined;
    else if (this.#settled.document >= this.#takenTo) {
      const next = await (this.#segment ?? this.#segments.first)?.read(this.#offset).catch(() => undefined);
      this.#oldestAtMs = next?.record.atMs ?? this.#spill.first?.atMs;
    }
  }

  async #save(): Promise<void> {
    const position = { ...this.#settled, end: this.#nextDocument };
    await writePosition(this.#options.dir, position).catch(this.#options.onTrouble);
  }
}

/** Whether a file of this name belongs to a queue's folder. */
export function isOfQueue(name: string): boolean {
  return ['kind', 'position', 'lock', 'parked'].includes(name) || /\.vq(\.unreadable)?$/.test(name);
}

function limitOf({ maxBytes }: QueueOptions): number {
  return typeof maxBytes === 'number' ? maxBytes : maxBytes();
}
