/** A read that never returns occupies one of libuv's four threads; gzip, DNS and files need the others. */
const OUT_MAX = 2;

/**
 * Runs reads of files that can block indefinitely, in libuv's threads, two at a time. The kernel answers most
 * of /proc from its own memory, but
 *
 * - /proc/PID/cmdline, numa_maps and smaps_rollup take the process's mmap lock (fs/proc/base.c
 *   get_mm_cmdline, fs/proc/task_mmu.c): they wait as long as another thread of the process holds it while
 *   that waits for storage or userfaultfd;
 * - statfs(2) on a network file system asks the server, and waits until that is back.
 */
export class SlowReads {
  #out = 0;
  readonly #waiting: (() => void)[] = [];

  /** Whether a new read would have to wait for one in progress. */
  get isFull(): boolean {
    return this.#out >= OUT_MAX;
  }

  /** Settles as `read` does, however long that takes. */
  async run<T>(read: () => Promise<T>): Promise<T> {
    if (this.#out >= OUT_MAX) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#out++;
    try {
      return await read();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#out--;
      else next();
    }
  }
}
