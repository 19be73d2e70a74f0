import { setImmediate } from 'node:timers/promises';
import type { Domain } from '../../libvirt/wire/types.ts';
import type { GroupName } from '../../model/catalogue/catalogue.ts';
import type { LocalFigures, LocalReason } from '../../model/local.ts';
import type { HostTopology } from '../../model/topology.ts';
import type { Background } from '../background-read.ts';
import type { SlowReads } from '../slow-reads.ts';
import { readCgroup } from './cgroup.ts';
import { MemoryMaps } from './memory-maps.ts';
import type { Processes } from './processes.ts';
import { readThreads } from './threads.ts';

export const LOCAL_GROUPS = ['threads', 'cgroup', 'numa'] as const satisfies readonly GroupName[];

export interface LocalReaderOptions {
  readonly groups: ReadonlySet<GroupName>;
  /** Absent when virtune does not run on the host. */
  readonly procRoot: string | undefined;
  readonly cgroupRoot: string;
  readonly processes: Processes | undefined;
  readonly background: Background;
  readonly slowReads: SlowReads;
  readonly now: () => number;
}

/** Reads what the host's kernel tells of VMs, one VM a turn of the event loop. */
export class LocalReader {
  readonly #options: LocalReaderOptions;
  readonly #asked: readonly (typeof LOCAL_GROUPS)[number][];
  readonly #memoryMaps: MemoryMaps | undefined;

  constructor(options: LocalReaderOptions) {
    this.#options = options;
    this.#asked = LOCAL_GROUPS.filter((group) => options.groups.has(group));
    const { procRoot, groups } = options;
    if (procRoot !== undefined && groups.has('numa'))
      this.#memoryMaps = new MemoryMaps({ ...options, procRoot });
  }

  /** Begins what is read beside the ticks, where that is due. */
  startTick(domains: readonly Domain[], topology: HostTopology | undefined): void {
    if (this.#memoryMaps === undefined) return;
    this.#memoryMaps.startTick(this.#options.processes?.find(domains) ?? new Map(), topology);
  }

  /** By UUID, of running domains; empty when no group is asked for. What is not read by `deadline` is late. */
  async read(
    domains: readonly Domain[],
    deadline: { readonly aborted: boolean },
  ): Promise<ReadonlyMap<string, LocalFigures>> {
    const found = new Map<string, LocalFigures>();
    if (this.#asked.length === 0) return found;
    const pids = this.#options.processes?.find(domains) ?? new Map<string, number>();
    for (const domain of domains) {
      if (domain.id === -1) continue;
      const figures = deadline.aborted ? this.#nothing('late') : this.#readOne(pids.get(domain.uuid));
      found.set(domain.uuid, figures);
      await setImmediate();
    }
    return found;
  }

  #readOne(pid: number | undefined): LocalFigures {
    const { procRoot, cgroupRoot, groups } = this.#options;
    if (procRoot === undefined) return this.#nothing('not_local');
    if (pid === undefined) return this.#nothing('no_process');
    const threads = groups.has('threads') ? readThreads(procRoot, pid) : undefined;
    const cgroup = groups.has('cgroup') ? readCgroup(procRoot, cgroupRoot, pid) : undefined;
    const memoryMap = this.#memoryMaps?.figures(pid);
    const told = { threads, cgroup, numa: memoryMap };
    return {
      threads,
      cgroup,
      memoryMap,
      missing: this.#asked
        .filter((group) => told[group] === undefined)
        .map((group) => ({
          group,
          reason:
            group === 'numa' && this.#memoryMaps?.isBlocked(pid) === true ? 'unresponsive' : 'not_permitted',
        })),
    };
  }

  #nothing(reason: LocalReason): LocalFigures {
    return { missing: this.#asked.map((group) => ({ group, reason })) };
  }
}
