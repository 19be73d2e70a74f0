import type { Destination } from './destination.ts';
import type { OutputError } from './output-error.ts';

export type OutputDropReason = 'buffer_full' | 'failed';

export interface LineWriterOptions {
  readonly destination: Destination;
  /** Text that waits may have so many bytes; what comes on top of that is dropped. */
  readonly maxBytes: number;
  readonly onDrop: (reason: OutputDropReason, documents: number) => void;
  readonly onWritten: (documents: number) => void;
  /** With what the destination throws. */
  readonly onFailure: (error: OutputError) => void;
}

interface Piece {
  readonly text: string;
  readonly bytes: number;
  readonly documents: number;
}

/**
 * Writes whole lines, one write at a time, in their order. Never waits: what a slow reader leaves no room for is
 * dropped and counted, the newest first, so that what came before has no gap.
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

  /** Waits so long for what is still to be written; the rest is dropped. */
  async close(graceMs: number): Promise<void> {
    const ended = await Promise.race([
      this.#last.then(() => true),
      new Promise<boolean>((resolve) => setTimeout(resolve, graceMs, false).unref()),
    ]);
    const left = this.#waiting.reduce((sum, { documents }) => sum + documents, 0);
    this.#waiting = [];
    if (left > 0) this.#options.onDrop('buffer_full', left);
    // A write that hangs would make this hang, too.
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
    // Given up by `close`.
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
