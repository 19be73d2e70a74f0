import type { Background, BackgroundRead } from '../background-read.ts';
import type { SlowReads } from '../slow-reads.ts';

export interface ProcessReadsOptions<T> {
  readonly read: (pid: number) => Promise<T>;
  readonly refreshMs: number;
  readonly maxAgeMs: number;
  readonly background: Background;
  readonly slowReads: SlowReads;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
}

/** Reads one file of each VM's process now and then, beside the ticks: it may block for as long as it likes. */
export class ProcessReads<T> {
  readonly #options: ProcessReadsOptions<T>;
  readonly #reads = new Map<number, BackgroundRead<T>>();

  constructor(options: ProcessReadsOptions<T>) {
    this.#options = options;
  }

  /** Begins those that are due, and forgets processes that have ended. */
  startTick(pids: Iterable<number>): void {
    const alive = new Set(pids);
    for (const [pid, read] of this.#reads) {
      if (alive.has(pid)) continue;
      this.#reads.delete(pid);
      this.#options.background.remove(read);
    }
    for (const pid of alive) this.#of(pid).start();
  }

  /** What was read last; undefined where nothing has been read yet, or it is too old. */
  value(pid: number): T | undefined {
    return this.#reads.get(pid)?.value;
  }

  /** Whether the kernel has been asked and has not answered. */
  isBlocked(pid: number): boolean {
    const read = this.#reads.get(pid);
    return read?.pending !== undefined && read.value === undefined;
  }

  #of(pid: number): BackgroundRead<T> {
    let read = this.#reads.get(pid);
    if (read === undefined) {
      const { background, slowReads, now, refreshMs, maxAgeMs } = this.#options;
      read = background.add({
        read: () => slowReads.run(() => this.#options.read(pid)),
        // Spread out, or all that were read in one tick would be read in one tick ever after.
        refreshMs: refreshMs * (0.5 + Math.random() / 2),
        maxAgeMs,
        now,
      });
      this.#reads.set(pid, read);
    }
    return read;
  }
}
