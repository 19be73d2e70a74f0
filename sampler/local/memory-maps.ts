import type { Domain } from '../../libvirt/wire/types.ts';
import type { MemoryMapFigures } from '../../model/local.ts';
import type { HostTopology } from '../../model/topology.ts';
import { readMemoryMap } from './memory-map.ts';

/** Memory moves slowly, and the kernel walks all page tables of a VM to tell where it lies. */
const MAX_AGE_MS = 60_000;

interface Entry {
  /** Undefined: the kernel did not let us look. */
  readonly figures: MemoryMapFigures | undefined;
  readonly dueAtMs: number;
}

/** Where the memory of each VM lies, read anew once a minute, one VM after the other. */
export class MemoryMaps {
  readonly #procRoot: string;
  readonly #now: () => number;
  readonly #entries = new Map<number, Entry>();

  constructor(procRoot: string, now: () => number) {
    this.#procRoot = procRoot;
    this.#now = now;
  }

  /** What was read last, read now where that is due; undefined where it cannot be read. */
  async read(pid: number, topology: HostTopology | undefined): Promise<MemoryMapFigures | undefined> {
    const known = this.#entries.get(pid);
    if (known !== undefined && known.dueAtMs > this.#now()) return known.figures;
    const figures = await readMemoryMap(this.#procRoot, pid, topology);
    // Spread out, or all that were read in one tick would be read in one tick ever after.
    this.#entries.set(pid, { figures, dueAtMs: this.#now() + MAX_AGE_MS * (0.5 + Math.random() / 2) });
    return figures;
  }

  /** Forgets processes that are no more. */
  keepOnly(pids: ReadonlyMap<Domain['uuid'], number>): void {
    const alive = new Set(pids.values());
    for (const pid of this.#entries.keys()) if (!alive.has(pid)) this.#entries.delete(pid);
  }
}
