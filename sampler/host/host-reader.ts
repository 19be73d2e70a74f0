import type { CallArgs, CallName, CallResult } from '../../libvirt/calls/all.ts';
import type { Connection } from '../../libvirt/client/connection.ts';
import type { GroupName } from '../../model/catalogue/catalogue.ts';
import type { CellFigures, CellPages, HostFigures, PoolFigures } from '../../model/host.ts';
import {
  basePageKiB,
  type HostCell,
  type HostTopology,
  onlineCpus,
  parseCapabilities,
} from '../../model/topology.ts';
import { Outstanding } from '../outstanding.ts';
import { readProcFile } from '../proc-file.ts';
import { readPools } from './pools.ts';
import { type ProcStat, readLocalHost, readProcStat } from './proc.ts';
import { parseZoneInfo } from './zoneinfo.ts';

export interface HostReaderOptions {
  readonly groups: ReadonlySet<GroupName>;
  /** `/proc` of the host that is asked; absent when virtune runs elsewhere. */
  readonly procRoot: string | undefined;
  readonly timeoutMs: number;
  readonly now: () => number;
}

/** CPUs and huge pages come and go by hand; nothing tells of it. */
const TOPOLOGY_MAX_AGE_MS = 300_000;
/** libvirt itself refreshes what it knows of a pool only when told to. */
const POOLS_MAX_AGE_MS = 30_000;

/** Calls about storage that no longer answers, of the twenty that the sampler's connections have place for. */
const STUCK_MAX = 4;

/**
 * Sends a call that the host may block for long: for a pool whose storage is gone, or while the daemon looks
 * at QEMUs that it does not know yet. 'late' when there was no time left for it.
 */
export type AskBlocking = <N extends CallName>(name: N, args: CallArgs<N>) => Promise<CallResult<N> | 'late'>;

class Aged<T> {
  readonly value: T;
  readonly dueAtMs: number;
  constructor(value: T, dueAtMs: number) {
    this.value = value;
    this.dueAtMs = dueAtMs;
  }
}

/** Reads the host's own figures. Whatever fails is absent. */
export class HostReader {
  readonly #options: HostReaderOptions;
  #topology: Aged<HostTopology> | undefined;
  #pools: Aged<readonly PoolFigures[]> | undefined;
  readonly #timeout: { readonly timeoutMs: number };
  readonly #counts = new Map<string, number>();
  readonly #poolPaths = new Map<string, string | undefined>();
  readonly #outstanding = new Outstanding(STUCK_MAX);

  constructor(options: HostReaderOptions) {
    this.#options = options;
    this.#timeout = { timeoutMs: options.timeoutMs };
  }

  /** After a reconnect nothing that was learnt before is sure. */
  forget(): void {
    this.#topology = undefined;
    this.#pools = undefined;
    this.#poolPaths.clear();
    this.#counts.clear();
  }

  /** `connection`: for calls that nothing blocks; `blocking`: for the others. */
  async read(connection: Connection, blocking: AskBlocking): Promise<HostFigures> {
    const { groups, procRoot } = this.#options;
    const host = groups.has('host');
    const cpus = groups.has('hostcpus');
    const [topology, pools] = await Promise.all([
      host || cpus || groups.has('overcommit') ? this.#readTopology(blocking) : undefined,
      groups.has('pool') ? this.#readPools(connection, blocking) : [],
    ]);
    const stat = !(host || cpus) || procRoot === undefined ? undefined : readProcStat(procRoot);
    const cpuNsByCpu = cpus ? (stat?.byCpu ?? (await this.#byCpu(connection, topology))) : undefined;
    if (!host) {
      const { cpusOnline, cpusPresent } = await this.#cpuCounts(connection);
      return {
        ...NOTHING,
        topology,
        cpusOnline,
        cpusPresent,
        cpuNsByCpu,
        memoryKiB: await this.#memory(connection, -1),
        pools,
      };
    }
    const [counts, memoryKiB, ksm] = await Promise.all([
      this.#cpuCounts(connection),
      this.#memory(connection, -1),
      this.#ksm(connection),
    ]);
    return {
      topology,
      ...counts,
      cpuNs: stat?.totalNs ?? (await this.#cpu(connection, -1)),
      cpuNsByCpu,
      memoryKiB,
      cells: await this.#cells(connection, topology, stat),
      ksm,
      pools,
      local: procRoot === undefined ? undefined : readLocalHost(procRoot),
    };
  }

  async #readTopology(blocking: AskBlocking): Promise<HostTopology | undefined> {
    if (this.#topology === undefined || this.#topology.dueAtMs <= this.#options.now()) {
      const reply = await attempt(
        this.#outstanding.ask('capabilities', () => blocking('connectGetCapabilities', undefined)),
      );
      if (reply === undefined || reply === 'late') return this.#topology?.value;
      try {
        this.#topology = new Aged(parseCapabilities(reply.xml), this.#options.now() + TOPOLOGY_MAX_AGE_MS);
      } catch {
        return undefined;
      }
    }
    return this.#topology.value;
  }

  async #readPools(connection: Connection, blocking: AskBlocking): Promise<readonly PoolFigures[]> {
    if (this.#pools === undefined || this.#pools.dueAtMs <= this.#options.now()) {
      const pools = await attempt(this.#listPools(connection, blocking));
      this.#pools = new Aged(pools ?? [], this.#options.now() + POOLS_MAX_AGE_MS);
    }
    return this.#pools.value;
  }

  async #listPools(connection: Connection, blocking: AskBlocking): Promise<PoolFigures[]> {
    const { pools } = await connection.call(
      'connectListAllStoragePools',
      { needResults: 1, flags: 0 },
      this.#timeout,
    );
    return readPools(pools, this.#poolPaths, {
      info: (pool) =>
        this.#outstanding.ask(`pool ${pool.uuid}`, () => blocking('storagePoolGetInfo', { pool })),
      xml: (pool) =>
        this.#outstanding.ask(`pool ${pool.uuid}`, () =>
          blocking('storagePoolGetXmlDesc', { pool, flags: 0 }),
        ),
    });
  }

  async #cpuCounts(
    connection: Connection,
  ): Promise<{ cpusOnline: number | undefined; cpusPresent: number | undefined }> {
    const reply = await attempt(
      connection.call('nodeGetCpuMap', { needMap: 0, needOnline: 1, flags: 0 }, this.#timeout),
    );
    return { cpusOnline: reply?.online, cpusPresent: reply?.total };
  }

  async #cpu(connection: Connection, cpu: number): Promise<ReadonlyMap<string, number>> {
    const reply = await this.#counted(`cpu ${cpu}`, (nparams) =>
      connection.call('nodeGetCpuStats', { cpu, nparams, flags: 0 }, this.#timeout),
    );
    return new Map(reply?.stats.map(({ field, value }) => [field, Number(value)]));
  }

  async #byCpu(
    connection: Connection,
    topology: HostTopology | undefined,
  ): Promise<ReadonlyMap<number, ReadonlyMap<string, number>>> {
    const online = topology === undefined ? [] : [...onlineCpus(topology)];
    const read = await Promise.all(
      online.map(async (cpu) => [cpu, await this.#cpu(connection, cpu)] as const),
    );
    return new Map(read.filter(([, modes]) => modes.size > 0));
  }

  async #memory(connection: Connection, cell: number): Promise<ReadonlyMap<string, number>> {
    const reply = await this.#counted(`memory ${cell}`, (nparams) =>
      connection.call('nodeGetMemoryStats', { nparams, cell, flags: 0 }, this.#timeout),
    );
    return new Map(reply?.stats.map(({ field, valueKiB }) => [field, Number(valueKiB)]));
  }

  async #ksm(connection: Connection): Promise<ReadonlyMap<string, number>> {
    const reply = await this.#counted('ksm', (nparams) =>
      connection.call('nodeGetMemoryParameters', { nparams, flags: 0 }, this.#timeout),
    );
    return new Map(reply?.params.map(({ field, value }) => [field.replace(/^shm_/, ''), Number(value)]));
  }

  /** libvirt first tells how many figures there are, and then wants to be asked for exactly that many. */
  async #counted<R extends { readonly nparams: number }>(
    what: string,
    ask: (nparams: number) => Promise<R>,
  ): Promise<R | undefined> {
    try {
      const known = this.#counts.get(what);
      const nparams = known ?? (await ask(0)).nparams;
      this.#counts.set(what, nparams);
      return await ask(nparams);
    } catch {
      this.#counts.delete(what);
      return undefined;
    }
  }

  async #cells(
    connection: Connection,
    topology: HostTopology | undefined,
    stat: ProcStat | undefined,
  ): Promise<CellFigures[]> {
    const availableKiB = this.#availableKiB(topology);
    return Promise.all(
      (topology?.cells ?? []).map(async (cell) => ({
        id: cell.id,
        cpuNs: stat === undefined ? new Map() : cellCpuNs(cell, stat),
        memoryKiB: await this.#memory(connection, cell.id),
        availableKiB: availableKiB.get(cell.id),
        pages: await this.#pages(connection, cell),
      })),
    );
  }

  #availableKiB(topology: HostTopology | undefined): ReadonlyMap<number, number> {
    const { procRoot } = this.#options;
    const pageKiB = topology && basePageKiB(topology);
    const text = procRoot === undefined ? undefined : readProcFile(`${procRoot}/zoneinfo`);
    if (pageKiB === undefined || text === undefined) return new Map();
    return new Map([...parseZoneInfo(text)].map(([cell, pages]) => [cell, pages * pageKiB]));
  }

  async #pages(connection: Connection, cell: HostCell): Promise<CellPages[]> {
    const sizes = cell.pages.map((pool) => pool.sizeKiB);
    if (sizes.length === 0) return [];
    const reply = await attempt(
      connection.call(
        'nodeGetFreePages',
        { pageSizesKiB: sizes, startCell: cell.id, cellCount: 1, flags: 0 },
        this.#timeout,
      ),
    );
    return (reply?.counts ?? []).flatMap((free, index) => {
      const pool = cell.pages[index];
      return pool === undefined ? [] : [{ sizeKiB: pool.sizeKiB, total: pool.total, free: Number(free) }];
    });
  }
}

const NOTHING: HostFigures = {
  topology: undefined,
  cpusOnline: undefined,
  cpusPresent: undefined,
  cpuNs: new Map(),
  memoryKiB: new Map(),
  cells: [],
  ksm: new Map(),
  pools: [],
  local: undefined,
};

function cellCpuNs(cell: HostCell, { byCpu }: ProcStat): Map<string, number> {
  const sum = new Map<string, number>();
  for (const { id } of cell.cpus) {
    for (const [mode, ns] of byCpu.get(id) ?? []) sum.set(mode, (sum.get(mode) ?? 0) + ns);
  }
  return sum;
}

/** A call that this daemon or driver does not have says nothing against the others. */
async function attempt<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch {
    return undefined;
  }
}
