import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TunerError } from '../errors.ts';
import { cannot, type StateFolder, syncFolder } from './folder.ts';
import { type Progress, progressOf } from './progress.ts';
import { readJournal } from './read.ts';
import type { JournalEvent, JournalHeader, NewEvent } from './records.ts';

const OWNER_ONLY = 0o600;
/** Room for the journal lines of an undo, whatever its steps are, with a margin. */
const RESERVE_BASE_BYTES = 65_536;
const RESERVE_STEP_BYTES = 1_024;

/** A line that is not on disk after this time is reported: its file system may hang. */
const STUCK_AFTER_MS = 5_000;

/** A point at which a run can be interrupted: just before and just after a lasting effect. */
export interface Point {
  readonly when: 'before' | 'after';
  readonly what: string;
}

export type Trace = (point: Point) => Promise<void> | void;

export interface JournalOptions {
  readonly now: () => Date;
  readonly trace: Trace;
  /** Called for each event once it is on disk. */
  readonly onEvent: (event: JournalEvent) => void;
  /** Called with what to do when writing a line neither completes nor fails for a while. */
  readonly onStuck?: ((text: string) => void) | undefined;
}

/**
 * A transaction on disk: one line of JSON with the planned steps and the previous state, then one for each thing that
 * is about to happen or has happened. A line is on disk before what it announces begins. Only its owner may read it:
 * definitions hold passwords.
 */
export class Journal {
  readonly header: JournalHeader;
  readonly path: string;
  readonly #events: JournalEvent[];
  readonly #file: FileHandle;
  readonly #options: JournalOptions;
  /** Where the next line begins: a torn line is overwritten. */
  #length: number;

  private constructor(
    path: string,
    header: JournalHeader,
    events: JournalEvent[],
    file: FileHandle,
    length: number,
    options: JournalOptions,
  ) {
    this.path = path;
    this.header = header;
    this.#events = events;
    this.#file = file;
    this.#length = length;
    this.#options = options;
  }

  /**
   * Creates a journal. It gets its name once its first line is complete and on disk, beside a reserve that an undo can
   * be journalled in when the disk is full.
   * @throws TunerError TUNE_JOURNAL; then nothing is left of it, if the disk allows that.
   */
  static async create(folder: StateFolder, header: JournalHeader, options: JournalOptions): Promise<Journal> {
    const path = journalPath(folder, header.id);
    const unborn = `${path}.new`;
    let file: FileHandle | undefined;
    await options.trace({ when: 'before', what: 'journal header' });
    try {
      await writeReserve(path, header.steps.length);
      file = await open(unborn, 'wx', OWNER_ONLY);
      const length = await writeAt(file, 0, line(header));
      await rename(unborn, path);
      await syncFolder(folder.transactions);
      await options.trace({ when: 'after', what: 'journal header' });
      return new Journal(path, header, [], file, length, options);
    } catch (error) {
      await file?.close().catch(() => undefined);
      // A failing disk may not even allow the removal: then a transaction remains that has done nothing.
      const left: string[] = [];
      for (const each of [unborn, path, reservePath(path)])
        await rm(each, { force: true }).catch(() => left.push(each));
      const next =
        left.length === 0
          ? 'nothing was changed'
          : `nothing was changed; remove ${left.join(' and ')} once the disk works`;
      throw cannot(`the journal ${path} cannot be written`, error, next);
    }
  }

  /** Opens an earlier journal, to continue it. */
  static async resume(folder: StateFolder, id: string, options: JournalOptions): Promise<Journal> {
    const path = journalPath(folder, id);
    const { header, events, length } = await readJournal(path);
    let file: FileHandle | undefined;
    try {
      file = await open(path, 'r+');
      await file.truncate(length);
      return new Journal(path, header, events, file, length, options);
    } catch (error) {
      await file?.close().catch(() => undefined);
      throw cannot(`the journal ${path} cannot be written`, error, 'nothing was changed');
    }
  }

  get events(): readonly JournalEvent[] {
    return this.#events;
  }

  get progress(): Progress {
    return progressOf(this.header, this.#events);
  }

  /** @throws TunerError TUNE_JOURNAL when the event is not on disk; then no part of it is. */
  async append(event: NewEvent): Promise<void> {
    const what = `journal ${event.event}${'step' in event && event.step !== undefined ? ` ${event.step}` : ''}`;
    const timed: JournalEvent = { ...event, at: this.#options.now().toISOString() };
    await this.#options.trace({ when: 'before', what });
    const stuck = setTimeout(() => {
      this.#options.onStuck?.(
        `the file system of ${this.path} does not answer: virtune waits for it; to stop now, send a second signal, and run virtune tune recover once it answers`,
      );
    }, STUCK_AFTER_MS);
    try {
      this.#length += await writeAt(this.#file, this.#length, line(timed));
    } catch (error) {
      await this.#file.truncate(this.#length).catch(() => undefined);
      throw cannot(`the journal ${this.path} cannot be written`, error, adviceFor(error));
    } finally {
      clearTimeout(stuck);
    }
    await this.#options.trace({ when: 'after', what });
    this.#events.push(timed);
    this.#options.onEvent(timed);
  }

  /** Frees the space reserved for an undo. If the disk refuses even that, the undo continues. */
  async releaseReserve(): Promise<void> {
    await rm(reservePath(this.path), { force: true }).catch(() => undefined);
  }

  /** All lines are on disk already: an error here changes nothing. */
  async close(): Promise<void> {
    await this.#file.close().catch(() => undefined);
  }
}

function adviceFor(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? 'free space on its file system'
    : 'check its file system and disk (dmesg)';
}

export function journalPath(folder: StateFolder, id: string): string {
  if (!ID.test(id)) throw new TunerError('TUNE_JOURNAL', `${JSON.stringify(id)} is not a transaction ID`);
  return join(folder.transactions, `${id}.jsonl`);
}

export const reservePath = (path: string): string => `${path}.reserve`;

/** Transactions of the same run append their number to its id. */
const ID = /^\d{8}T\d{6}Z-[0-9a-f]{6}(?:-\d{4})?$/;

/** Sorts by time; random digits distinguish ids of the same second. */
export function newTransactionId(now: Date): string {
  const time = now.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${time}-${randomBytes(3).toString('hex')}`;
}

/** Random, so that no file system compresses it. */
async function writeReserve(path: string, steps: number): Promise<void> {
  const file = await open(reservePath(path), 'w', OWNER_ONLY);
  try {
    await writeAt(file, 0, randomBytes(RESERVE_BASE_BYTES + RESERVE_STEP_BYTES * steps));
  } finally {
    await file.close();
  }
}

const line = (record: JournalHeader | JournalEvent): Buffer => Buffer.from(`${JSON.stringify(record)}\n`);

/** Returns once all bytes are on disk. */
async function writeAt(file: FileHandle, position: number, bytes: Buffer): Promise<number> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
  await file.datasync();
  return bytes.length;
}
