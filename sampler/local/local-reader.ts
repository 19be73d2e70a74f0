import { setImmediate } from 'node:timers/promises';
import type { Domain } from '../../libvirt/wire/types.ts';
import type { GroupName } from '../../model/catalogue/catalogue.ts';
import type { LocalFigures, LocalReason, MemoryMapFigures } from '../../model/local.ts';
import type { HostTopology } from '../../model/topology.ts';
import type { Background } from '../background-read.ts';
import type { SlowReads } from '../slow-reads.ts';
import { type CgroupFolders, cgroupFolders, readCgroup } from './cgroup.ts';
import { readMemoryMap } from './memory-map.ts';
import { ProcessReads } from './process-reads.ts';
import type { Processes } from './processes.ts';
import { ThreadTimes } from './threads.ts';
import { VmThrottling } from './throttling.ts';

export const LOCAL_GROUPS = ['threads', 'cgroup', 'numa'] as const satisfies readonly GroupName[];

/** Memory moves slowly between nodes, and the kernel walks all page tables of a VM to report its placement. */
const MAP_REFRESH_MS = 60_000;
const MAP_MAX_AGE_MS = 300_000;

/** A VM's process stays in its control group, unless a user moves it. */
const FOLDERS_REFRESH_MS = 60_000;
const FOLDERS_MAX_AGE_MS = 3_600_000;

export interface LocalReaderOptions {
  readonly groups: ReadonlySet<GroupName>;
  /** Absent when virtune does not run on the host. */
  readonly procRoot: string | undefined;
  readonly cgroupRoot: string;
  readonly processes: Processes | undefined;
  readonly background: Background;
  readonly slowReads: SlowReads;
  readonly steadyMs: () => number;
}

/** Counters of one VM's process, whose parts (threads, groups) come and go. */
interface Counted {
  readonly threads: ThreadTimes;
  readonly throttling: VmThrottling;
}

/** Reads what the host's kernel reports of VMs, one VM per turn of the event loop. */
export class LocalReader {
  readonly #options: LocalReaderOptions;
  readonly #asked: readonly (typeof LOCAL_GROUPS)[number][];
  readonly #memoryMaps: ProcessReads<MemoryMapFigures | undefined> | undefined;
  readonly #cgroups: ProcessReads<CgroupFolders> | undefined;
  #topology: HostTopology | undefined;
  /** By PID. */
  readonly #counted = new Map<number, Counted>();

  constructor(options: LocalReaderOptions) {
    this.#options = options;
    this.#asked = LOCAL_GROUPS.filter((group) => options.groups.has(group));
    const { procRoot, cgroupRoot, groups } = options;
    if (procRoot === undefined) return;
    if (groups.has('numa')) {
      this.#memoryMaps = new ProcessReads({
        ...options,
        read: (pid) => readMemoryMap(procRoot, pid, this.#topology),
        refreshMs: MAP_REFRESH_MS,
        maxAgeMs: MAP_MAX_AGE_MS,
      });
    }
    if (groups.has('cgroup')) {
      this.#cgroups = new ProcessReads({
        ...options,
        read: (pid) => cgroupFolders(procRoot, cgroupRoot, pid),
        refreshMs: FOLDERS_REFRESH_MS,
        maxAgeMs: FOLDERS_MAX_AGE_MS,
      });
    }
  }

  /** Starts the background reads that are due. */
  startTick(domains: readonly Domain[], topology: HostTopology | undefined): void {
    this.#topology = topology ?? this.#topology;
    if (this.#memoryMaps === undefined && this.#cgroups === undefined) return;
    const pids = this.#options.processes?.find(domains) ?? new Map<string, number>();
    for (const reads of [this.#memoryMaps, this.#cgroups]) reads?.startTick(pids.values());
  }

  /** By UUID, of running domains; empty when no group is asked for. What is not read by `deadline` is late. */
  async read(
    domains: readonly Domain[],
    deadline: { readonly aborted: boolean },
  ): Promise<ReadonlyMap<string, LocalFigures>> {
    const found = new Map<string, LocalFigures>();
    if (this.#asked.length === 0) return found;
    const pids = this.#options.processes?.find(domains) ?? new Map<string, number>();
    const running = new Set(pids.values());
    for (const pid of this.#counted.keys()) if (!running.has(pid)) this.#counted.delete(pid);
    for (const domain of domains) {
      if (domain.id === -1) continue;
      const figures = deadline.aborted ? this.#nothing('late') : this.#readOne(pids.get(domain.uuid));
      found.set(domain.uuid, figures);
      await setImmediate();
    }
    return found;
  }

  #readOne(pid: number | undefined): LocalFigures {
    const { procRoot, groups } = this.#options;
    if (procRoot === undefined) return this.#nothing('not_local');
    if (pid === undefined) return this.#nothing('no_process');
    const counted = this.#counted.get(pid) ?? {
      threads: new ThreadTimes(procRoot, pid),
      throttling: new VmThrottling(),
    };
    this.#counted.set(pid, counted);
    const threads = groups.has('threads') ? counted.threads.read() : undefined;
    const folders = this.#cgroups?.value(pid);
    const cgroup = folders && readCgroup(folders, counted.throttling);
    const memoryMap = this.#memoryMaps?.value(pid);
    const blocked = { threads: undefined, cgroup: this.#cgroups, numa: this.#memoryMaps };
    const read = { threads, cgroup, numa: memoryMap };
    return {
      threads,
      cgroup,
      memoryMap,
      missing: this.#asked
        .filter((group) => read[group] === undefined)
        .map((group) => ({
          group,
          reason: blocked[group]?.isBlocked(pid) === true ? 'unresponsive' : 'not_permitted',
        })),
    };
  }

  #nothing(reason: LocalReason): LocalFigures {
    return { missing: this.#asked.map((group) => ({ group, reason })) };
  }
}
