import type { Background, BackgroundRead } from '../background-read.ts';
import type { SlowReads } from '../slow-reads.ts';

export interface ProcessReadsOptions<T> {
  readonly read: (pid: number) => Promise<T>;
  readonly refreshMs: number;
  readonly maxAgeMs: number;
  readonly background: Background;
  readonly slowReads: SlowReads;
  /** Monotonic clock, ms. */
  readonly steadyMs: () => number;
}

/** Reads one file of each VM's process at intervals, in the background: it may block for any length of time. */
export class ProcessReads<T> {
  readonly #options: ProcessReadsOptions<T>;
  readonly #reads = new Map<number, BackgroundRead<T>>();

  constructor(options: ProcessReadsOptions<T>) {
    this.#options = options;
  }

  /** Starts the reads that are due, and forgets processes that have ended. */
  startTick(pids: Iterable<number>): void {
    const alive = new Set(pids);
    for (const [pid, read] of this.#reads) {
      if (alive.has(pid)) continue;
      this.#reads.delete(pid);
      this.#options.background.remove(read);
    }
    for (const pid of alive) this.#of(pid).start();
  }

  /** The last value read; undefined if there is none yet, or it is too old. */
  value(pid: number): T | undefined {
    return this.#reads.get(pid)?.value;
  }

  /** Whether a read is in progress and there is no value to show. */
  isBlocked(pid: number): boolean {
    const read = this.#reads.get(pid);
    return read?.pending !== undefined && read.value === undefined;
  }

  #of(pid: number): BackgroundRead<T> {
    let read = this.#reads.get(pid);
    if (read === undefined) {
      const { background, slowReads, steadyMs, refreshMs, maxAgeMs } = this.#options;
      read = background.add({
        read: () => slowReads.run(() => this.#options.read(pid)),
        // Randomized, or all processes read in one tick would be due in the same tick from then on.
        refreshMs: refreshMs * (0.5 + Math.random() / 2),
        maxAgeMs,
        steadyMs,
      });
      this.#reads.set(pid, read);
    }
    return read;
  }
}
