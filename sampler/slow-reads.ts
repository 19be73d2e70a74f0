/** Reads that do not come back hold one of libuv's four threads each; gzip, DNS and files need the others. */
const OUT_MAX = 2;

/**
 * Runs reads of files that can block for ever: by libuv's threads, two at once, each subject once. The kernel
 * answers most of /proc from its own memory, but
 *
 * - /proc/PID/cmdline, numa_maps and smaps_rollup take the process's mmap lock (fs/proc/base.c
 *   get_mm_cmdline, fs/proc/task_mmu.c): they wait for as long as another thread of it holds that while it
 *   waits for storage or for userfaultfd;
 * - statfs(2) on a network file system asks the server, and waits until that is back.
 */
export class SlowReads {
  #out = 0;
  readonly #waiting: (() => void)[] = [];

  /** Whether a read that is begun now has to wait for one that is out. */
  get isFull(): boolean {
    return this.#out >= OUT_MAX;
  }

  /** Resolves as `read` does, whenever that is. */
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
