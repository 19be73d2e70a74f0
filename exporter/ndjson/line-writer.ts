import type { Destination } from './destination.ts';
import type { OutputError } from './output-error.ts';

export type OutputDropReason = 'buffer_full' | 'failed';

export interface LineWriterOptions {
  readonly destination: Destination;
  /** Limit on buffered text; anything above it is dropped. */
  readonly maxBytes: number;
  readonly onDrop: (reason: OutputDropReason, documents: number) => void;
  readonly onWritten: (documents: number) => void;
  /** Called with the destination's errors. */
  readonly onFailure: (error: OutputError) => void;
}

interface Piece {
  readonly text: string;
  readonly bytes: number;
  readonly documents: number;
}

/**
 * Writes whole lines in order, one write at a time. Never applies backpressure: when a slow reader has let the buffer
 * fill up, the newest lines are dropped and counted, so that there is no gap in the earlier ones.
 */
export class LineWriter {
  readonly #options: LineWriterOptions;
  #last: Promise<unknown> = Promise.resolve();
  #waiting: Piece[] = [];
  #waitingBytes = 0;

  constructor(options: LineWriterOptions) {
    this.#options = options;
  }

  get bufferedBytes(): number {
    return this.#waitingBytes;
  }

  /** @param text whole lines, each ended */
  write(text: string, documents: number): void {
    const bytes = Buffer.byteLength(text);
    if (this.#waitingBytes + bytes > this.#options.maxBytes) {
      this.#options.onDrop('buffer_full', documents);
      return;
    }
    this.#waiting.push({ text, bytes, documents });
    this.#waitingBytes += bytes;
    void this.#enqueue(() => this.#writeNext());
  }

  /** Between two writes, so that no line is in two files. */
  reopen(): Promise<void> {
    return this.#enqueue(() => this.#options.destination.reopen());
  }

  /** Waits up to `graceMs` for pending writes; the rest is dropped. */
  async close(graceMs: number): Promise<void> {
    const ended = await Promise.race([
      this.#last.then(() => true),
      new Promise<boolean>((resolve) => setTimeout(resolve, graceMs, false).unref()),
    ]);
    const left = this.#waiting.reduce((sum, { documents }) => sum + documents, 0);
    this.#waiting = [];
    if (left > 0) this.#options.onDrop('buffer_full', left);
    // Closing would hang too while a write hangs.
    if (ended) await this.#options.destination.close();
  }

  #enqueue<T>(what: () => Promise<T>): Promise<T> {
    const done = this.#last.then(what);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #writeNext(): Promise<void> {
    const { destination, onWritten, onDrop, onFailure } = this.#options;
    const [piece] = this.#waiting;
    // Dropped by `close`.
    if (piece === undefined) return;
    const failure = await destination.write(piece.text).then(
      () => undefined,
      (error: OutputError) => error,
    );
    if (this.#waiting[0] === piece) this.#waiting.shift();
    this.#waitingBytes -= piece.bytes;
    if (failure === undefined) return onWritten(piece.documents);
    onDrop('failed', piece.documents - failure.writtenLines);
    onFailure(failure);
  }
}
