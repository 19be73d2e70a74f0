import type { CallResult } from '../../libvirt/calls/all.ts';
import type { GroupName } from '../../model/catalogue/catalogue.ts';
import type {
  CellFigures,
  CellPages,
  HostFigures,
  HostPart,
  LocalHostFigures,
  PartStatus,
} from '../../model/host.ts';
import { basePageKiB, type HostCell, type HostTopology, onlineCpus } from '../../model/topology.ts';
import type { AnyRead, Background, BackgroundRead } from '../background-read.ts';
import { readProcFile } from '../proc-file.ts';
import type { SlowReads } from '../slow-reads.ts';
import type { Capabilities } from './capabilities.ts';
import { CpuTimes } from './cpu-times.ts';
import type { AskHost } from './host-connections.ts';
import { Pools } from './pools.ts';
import { type ProcStat, readLocalHost, readProcStat } from './proc.ts';
import { VmCpus } from './vm-cpus.ts';
import { parseZoneInfo } from './zoneinfo.ts';

export interface HostReaderOptions {
  readonly groups: ReadonlySet<GroupName>;
  /** `/proc` of the sampled host; absent when virtune runs elsewhere. */
  readonly procRoot: string | undefined;
  readonly cgroupRoot: string;
  /** `/sys`, for the kernel's CPUs, which a container sees as well. */
  readonly sysRoot?: string | undefined;
  /** Monotonic clock, ms. */
  readonly steadyMs: () => number;
  readonly ask: AskHost;
  readonly background: Background;
  readonly capabilities: Capabilities;
  readonly slowReads: SlowReads;
  /** Called when a part begins to fail, and again only after it has answered in between. */
  readonly onFailure?: ((part: HostPart, error: Error) => void) | undefined;
}

/**
 * For gauges that change by the second, and for counters: an older answer would be mistaken for a current
 * one. Two minutes are two scrapes at the longest usual interval.
 */
const FIGURES_MAX_AGE_MS = 120_000;
/** The number of CPUs is changed only by the administrator. */
const CPUS_MAX_AGE_MS = 3_600_000;

interface Local {
  readonly stat: ProcStat | undefined;
  readonly figures: LocalHostFigures | undefined;
  readonly zoneinfo: string | undefined;
}

/**
 * Reads the host's own figures: calls run in the background, the files of /proc are read in the tick. What
 * fails is absent, and `parts` shows why.
 */
export class HostReader {
  readonly #options: HostReaderOptions;
  readonly #parts = new Map<HostPart, AnyRead>();
  readonly #counts = new Map<string, number>();
  readonly #failing = new Set<HostPart>();
  readonly #pools: Pools | undefined;
  readonly #cpus: BackgroundRead<CallResult<'nodeGetCpuMap'>> | undefined;
  readonly #cpuNs: BackgroundRead<ReadonlyMap<string, number>> | undefined;
  readonly #cpuNsByCpu: BackgroundRead<ReadonlyMap<number, ReadonlyMap<string, number>>> | undefined;
  readonly #memory: BackgroundRead<ReadonlyMap<string, number>> | undefined;
  readonly #cellMemory: BackgroundRead<ReadonlyMap<number, ReadonlyMap<string, number>>> | undefined;
  readonly #pages: BackgroundRead<ReadonlyMap<number, readonly CellPages[]>> | undefined;
  readonly #ksm: BackgroundRead<ReadonlyMap<string, number>> | undefined;
  readonly #cpuTimes = new CpuTimes();
  readonly #vmCpus: VmCpus;
  #local: Local = { stat: undefined, figures: undefined, zoneinfo: undefined };

  constructor(options: HostReaderOptions) {
    this.#options = options;
    const { groups, procRoot, ask, cgroupRoot, sysRoot = '/sys', steadyMs } = options;
    this.#vmCpus = new VmCpus({ sysRoot, cgroupRoot, steadyMs });
    const host = groups.has('host');
    if (host || groups.has('overcommit')) {
      this.#cpus = this.#add('cpus', CPUS_MAX_AGE_MS, () =>
        ask('nodeGetCpuMap', { needMap: 0, needOnline: 1, flags: 0 }),
      );
      this.#memory = this.#add('memory', FIGURES_MAX_AGE_MS, () => this.#readMemory(-1));
    }
    // Where virtune runs on the host, /proc/stat is available and has more modes.
    if (host && procRoot === undefined) {
      this.#cpuNs = this.#add('cpu', FIGURES_MAX_AGE_MS, () => this.#readCpu(-1));
    }
    if (groups.has('hostcpus') && procRoot === undefined) {
      this.#cpuNsByCpu = this.#add('host_cpus', FIGURES_MAX_AGE_MS, () => this.#readByCpu());
    }
    if (host) {
      this.#ksm = this.#add('ksm', FIGURES_MAX_AGE_MS, () => this.#readKsm());
      this.#cellMemory = this.#add('numa_memory', FIGURES_MAX_AGE_MS, () =>
        this.#readCells((cell) => this.#readMemory(cell.id)),
      );
      this.#pages = this.#add('pages', FIGURES_MAX_AGE_MS, () =>
        this.#readCells((cell) => this.#readPages(cell)),
      );
    }
    if (groups.has('pool')) {
      this.#pools = new Pools({
        ...options,
        // A /proc other than virtune's own is a container's view of the host: paths lead elsewhere there.
        isLocal: procRoot === '/proc',
        onFailure: (error) => this.#failed('pools', error),
        onAnswer: () => this.#failing.delete('pools'),
      });
    }
    options.capabilities.onTopology = () => this.#startWithTopology();
  }

  /** Starts the calls that are due. */
  startTick(): void {
    for (const read of [this.#cpus, this.#memory, this.#cpuNs, this.#ksm]) read?.start();
    if (this.#topology !== undefined) this.#startWithTopology();
    this.#pools?.startTick();
  }

  /** Reads the files of /proc, so that all counters are of one moment. */
  readLocal(): void {
    const { procRoot, groups } = this.#options;
    if (procRoot === undefined) return;
    const host = groups.has('host');
    const stat = host || groups.has('hostcpus') ? readProcStat(procRoot) : undefined;
    this.#local = {
      stat: stat && this.#cpuTimes.next(stat),
      figures: host ? { ...readLocalHost(procRoot), ...this.#vmCpus.read() } : undefined,
      zoneinfo: host ? readProcFile(`${procRoot}/zoneinfo`) : undefined,
    };
  }

  /** What is known now. */
  figures(): HostFigures {
    const { groups } = this.#options;
    const { stat, figures } = this.#local;
    const topology = this.#topology;
    return {
      topology,
      cpusOnline: this.#cpus?.value?.online,
      cpusPresent: this.#cpus?.value?.total,
      cpuNs: (groups.has('host') ? stat?.totalNs : undefined) ?? this.#cpuNs?.value ?? new Map(),
      cpuNsByCpu: groups.has('hostcpus') ? (stat?.byCpu ?? this.#cpuNsByCpu?.value ?? new Map()) : undefined,
      memoryKiB: this.#memory?.value ?? new Map(),
      cells: groups.has('host') ? this.#cells(topology) : [],
      ksm: this.#ksm?.value ?? new Map(),
      pools: this.#pools?.figures() ?? [],
      local: figures,
      parts: this.#statuses(),
    };
  }

  /** After a reconnect the daemon may have other counts. */
  forget(): void {
    this.#counts.clear();
    this.#failing.clear();
  }

  get #topology(): HostTopology | undefined {
    return this.#options.capabilities.topology;
  }

  #statuses(): ReadonlyMap<HostPart, PartStatus> {
    const statuses = new Map<HostPart, PartStatus>();
    for (const [part, read] of this.#parts) statuses.set(part, read.status);
    if (this.#options.capabilities.isAsked) statuses.set('topology', this.#options.capabilities.status);
    if (this.#pools !== undefined) statuses.set('pools', this.#pools.status);
    // Without a topology the cells to ask for are unknown; the topology's status has the reason.
    if (this.#topology === undefined) {
      for (const part of ['numa_memory', 'pages', 'host_cpus'] as const) statuses.delete(part);
    }
    return statuses;
  }

  #add<T>(part: HostPart, maxAgeMs: number, read: () => Promise<T>): BackgroundRead<T> {
    const added = this.#options.background.add({
      read,
      refreshMs: 0,
      maxAgeMs,
      steadyMs: this.#options.steadyMs,
      onAnswer: () => this.#failing.delete(part),
      onFailure: (error) => this.#failed(part, error),
    });
    this.#parts.set(part, added);
    return added;
  }

  #failed(part: HostPart, error: Error): void {
    if (this.#failing.has(part)) return;
    this.#failing.add(part);
    this.#options.onFailure?.(part, error);
  }

  #startWithTopology(): void {
    for (const read of [this.#cpuNsByCpu, this.#cellMemory, this.#pages]) read?.start();
  }

  async #readCpu(cpu: number): Promise<ReadonlyMap<string, number>> {
    const { stats } = await this.#counted(`cpu ${cpu}`, (nparams) =>
      this.#options.ask('nodeGetCpuStats', { cpu, nparams, flags: 0 }),
    );
    return new Map(stats.map(({ field, value }) => [field, Number(value)]));
  }

  async #readByCpu(): Promise<ReadonlyMap<number, ReadonlyMap<string, number>>> {
    const online = this.#topology === undefined ? [] : [...onlineCpus(this.#topology)];
    const read = await Promise.all(online.map(async (cpu) => [cpu, await this.#readCpu(cpu)] as const));
    return new Map(read.filter(([, modes]) => modes.size > 0));
  }

  async #readMemory(cell: number): Promise<ReadonlyMap<string, number>> {
    const { stats } = await this.#counted(`memory ${cell}`, (nparams) =>
      this.#options.ask('nodeGetMemoryStats', { nparams, cell, flags: 0 }),
    );
    return new Map(stats.map(({ field, valueKiB }) => [field, Number(valueKiB)]));
  }

  async #readKsm(): Promise<ReadonlyMap<string, number>> {
    const { params } = await this.#counted('ksm', (nparams) =>
      this.#options.ask('nodeGetMemoryParameters', { nparams, flags: 0 }),
    );
    return new Map(params.map(({ field, value }) => [field.replace(/^shm_/, ''), Number(value)]));
  }

  /** libvirt first returns how many figures there are, and then requires exactly that count. */
  async #counted<R extends { readonly nparams: number }>(
    what: string,
    ask: (nparams: number) => Promise<R>,
  ): Promise<R> {
    const known = this.#counts.get(what);
    if (known !== undefined) {
      try {
        return await ask(known);
      } catch {
        // A replaced daemon may have more figures, or fewer.
        this.#counts.delete(what);
      }
    }
    const { nparams } = await ask(0);
    const reply = await ask(nparams);
    this.#counts.set(what, nparams);
    return reply;
  }

  async #readCells<T>(read: (cell: HostCell) => Promise<T>): Promise<ReadonlyMap<number, T>> {
    const cells = this.#topology?.cells ?? [];
    return new Map(await Promise.all(cells.map(async (cell) => [cell.id, await read(cell)] as const)));
  }

  async #readPages(cell: HostCell): Promise<readonly CellPages[]> {
    const sizes = cell.pages.map((pool) => pool.sizeKiB);
    if (sizes.length === 0) return [];
    const { counts } = await this.#options.ask('nodeGetFreePages', {
      pageSizesKiB: sizes,
      startCell: cell.id,
      cellCount: 1,
      flags: 0,
    });
    return counts.flatMap((free, index) => {
      const pool = cell.pages[index];
      return pool === undefined ? [] : [{ sizeKiB: pool.sizeKiB, total: pool.total, free: Number(free) }];
    });
  }

  #cells(topology: HostTopology | undefined): CellFigures[] {
    const { stat } = this.#local;
    const availableKiB = this.#availableKiB(topology);
    return (topology?.cells ?? []).map((cell) => ({
      id: cell.id,
      cpuNs: stat === undefined ? new Map() : this.#cpuTimes.sumOf(cell.cpus.map(({ id }) => id)),
      memoryKiB: this.#cellMemory?.value?.get(cell.id) ?? new Map(),
      availableKiB: availableKiB.get(cell.id),
      pages: this.#pages?.value?.get(cell.id) ?? [],
    }));
  }

  #availableKiB(topology: HostTopology | undefined): ReadonlyMap<number, number> {
    const pageKiB = topology && basePageKiB(topology);
    const { zoneinfo } = this.#local;
    if (pageKiB === undefined || zoneinfo === undefined) return new Map();
    return new Map([...parseZoneInfo(zoneinfo)].map(([cell, pages]) => [cell, pages * pageKiB]));
  }
}
