import type { Domain } from '../../libvirt/wire/types.ts';
import type { MemoryMapFigures } from '../../model/local.ts';
import type { HostTopology } from '../../model/topology.ts';
import type { Background, BackgroundRead } from '../background-read.ts';
import type { SlowReads } from '../slow-reads.ts';
import { readMemoryMap } from './memory-map.ts';

/** Memory moves slowly, and the kernel walks all page tables of a VM to say where it lies. */
const REFRESH_MS = 60_000;
const MAX_AGE_MS = 300_000;

interface MemoryMapsOptions {
  readonly procRoot: string;
  readonly background: Background;
  readonly slowReads: SlowReads;
  readonly now: () => number;
}

/**
 * Where the memory of each VM lies, read again once a minute, beside the ticks: the kernel can take long, and a
 * process whose memory map is locked blocks the reader.
 */
export class MemoryMaps {
  readonly #options: MemoryMapsOptions;
  readonly #reads = new Map<number, BackgroundRead<MemoryMapFigures | undefined>>();
  #topology: HostTopology | undefined;

  constructor(options: MemoryMapsOptions) {
    this.#options = options;
  }

  /** Begins to read those that are due, and forgets processes that are no more. */
  startTick(pids: ReadonlyMap<Domain['uuid'], number>, topology: HostTopology | undefined): void {
    this.#topology = topology ?? this.#topology;
    const alive = new Set(pids.values());
    for (const [pid, read] of this.#reads) {
      if (alive.has(pid)) continue;
      this.#reads.delete(pid);
      this.#options.background.remove(read);
    }
    for (const pid of alive) this.#of(pid).start();
  }

  /** What was read last; undefined where it cannot be read. */
  figures(pid: number): MemoryMapFigures | undefined {
    return this.#reads.get(pid)?.value;
  }

  /** Whether the kernel has been asked and has not answered. */
  isBlocked(pid: number): boolean {
    const read = this.#reads.get(pid);
    return read?.pending !== undefined && read.value === undefined;
  }

  #of(pid: number): BackgroundRead<MemoryMapFigures | undefined> {
    let read = this.#reads.get(pid);
    if (read === undefined) {
      const { procRoot, background, slowReads, now } = this.#options;
      read = background.add({
        read: () => slowReads.run(() => readMemoryMap(procRoot, pid, this.#topology)),
        // Spread out, or all that were read in one tick would be read in one tick ever after.
        refreshMs: REFRESH_MS * (0.5 + Math.random() / 2),
        maxAgeMs: MAX_AGE_MS,
        now,
      });
      this.#reads.set(pid, read);
    }
    return read;
  }
}
