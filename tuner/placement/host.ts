import { CpuSet } from '../../model/cpu-set.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import {
  cellCpus,
  type HostCell,
  type HostCpu,
  type HostTopology,
  onlineCpus,
} from '../../model/topology.ts';
import { TunerError } from '../errors.ts';
import type { CellMemory } from '../facts/facts.ts';
import { floatersOf, floatingVcpus, takenCpus } from './claims.ts';
import { ledgerOf } from './ledger.ts';
import type { Core, PlacementHost, ThreadPolicy } from './types.ts';

/** A domain of the host, placed now or not. */
export interface HostDomain {
  readonly name: string;
  /** Of its running and of its inactive XML: what it has, and what its next boot takes. */
  readonly live: DomainFacts | undefined;
  readonly inactive: DomainFacts | undefined;
  /** Of the profile that it was placed by: with `isolate` and `require` the idle siblings of its CPUs are its own. */
  readonly threads?: ThreadPolicy | undefined;
}

export interface HostOptions {
  /** Absent: those to which the capabilities give a place. */
  readonly online?: CpuSet | undefined;
  /** Those that the kernel lets VMs have; absent: all. */
  readonly vmCpus?: CpuSet | undefined;
  readonly isolated?: CpuSet | undefined;
  /** Slower cores of a hybrid CPU. */
  readonly efficiencyCpus?: CpuSet | undefined;
  /** Kept for the host; absent: `defaultHostCpus`. Empty: none are. */
  readonly hostCpus?: CpuSet | undefined;
  /** What of hugepages is free, by cell. */
  readonly memory: readonly CellMemory[];
  /** Those with no size said in their XML get this one; absent: the smallest that the host has. */
  readonly defaultPageKiB?: number | undefined;
  readonly domains: readonly HostDomain[];
  /** Names of the domains that are placed now: what they hold is theirs to give. */
  readonly placing: ReadonlySet<string>;
}

/** A cell smaller than this gives no core to the host unasked. */
const CELL_CORES_TO_SHARE = 4;

/**
 * What placement may use of a host.
 * @throws TunerError (TUNE_PLACEMENT) when CPUs are kept for the host that it does not have.
 */
export function placementHost(topology: HostTopology, options: HostOptions): PlacementHost {
  const online = options.online ?? onlineCpus(topology);
  const usable = options.vmCpus === undefined ? online : online.intersection(options.vmCpus);
  const isolated = (options.isolated ?? CpuSet.empty).intersection(usable);
  const hostCpus = options.hostCpus ?? defaultHostCpus(topology, usable, isolated);
  const missing = hostCpus.difference(online);
  if (missing.size > 0) {
    throw new TunerError(
      'TUNE_PLACEMENT',
      `CPUs ${missing} cannot be kept for the host: it has ${online.size === 0 ? 'none' : online} online`,
    );
  }
  // Of those that VMs may not have the host keeps all anyway.
  const housekeeping = hostCpus.intersection(usable);
  const others = options.domains.filter(({ name }) => !options.placing.has(name));
  const ledger = ledgerOf(topology, options);
  return {
    cores: coresOf(topology, usable, housekeeping, isolated, options.efficiencyCpus ?? CpuSet.empty),
    cells: topology.cells
      .map((cell) => ({
        id: cell.id,
        distances: cell.distances,
        housekeeping: cellCpus(cell).intersection(housekeeping),
        freeKiB: ledger.freeKiB.get(cell.id),
        freePages: ledger.freePages.get(cell.id) ?? new Map<number, number>(),
        floatingVcpus: floatingVcpus(others, topology, cell.id),
      }))
      .sort((a, b) => a.id - b.id),
    isolated,
    taken: takenCpus(others, topology),
    floaters: floatersOf(others, topology, usable),
    floatingPages: ledger.floatingPages,
  };
}

/**
 * The CPUs that a host keeps for itself when nobody says which: the first core of each cell, threads and all, so
 * that emulators and interrupts find a CPU near their memory. A cell of fewer than four cores keeps none, as half of
 * it is too much to give; where no cell keeps any, the host keeps one core all the same, or its kernel, the emulators
 * and the iothreads would run on the CPUs of vCPUs. Isolated CPUs are passed over: whoever isolated them left others
 * to the host.
 */
export function defaultHostCpus(topology: HostTopology, online: CpuSet, isolated: CpuSet): CpuSet {
  const cores = topology.cells
    .map((cell) => coreGroups(cell, online).map((core) => CpuSet.of(core.map((cpu) => cpu.id))))
    .filter((own) => own.length > 0);
  const firsts = cores.map((own) => ({
    count: own.length,
    core: own.find((core) => core.intersection(isolated).size === 0),
  }));
  const kept = firsts
    .filter(({ count }) => count >= CELL_CORES_TO_SHARE)
    .reduce((all, { core = CpuSet.empty }) => all.union(core), CpuSet.empty);
  const total = cores.flat().length;
  if (kept.size > 0 || total < 2) return kept;
  return firsts.find(({ core }) => core !== undefined)?.core ?? CpuSet.empty;
}

function coresOf(
  topology: HostTopology,
  online: CpuSet,
  housekeeping: CpuSet,
  isolated: CpuSet,
  efficiency: CpuSet,
): Core[] {
  const caches = lastLevelCaches(topology);
  return [...topology.cells]
    .sort((a, b) => a.id - b.id)
    .flatMap((cell) =>
      coreGroups(cell, online).map((group): Core => {
        const cpus = group.map((cpu) => cpu.id).filter((cpu) => !housekeeping.has(cpu));
        const [first] = group as [HostCpu, ...HostCpu[]];
        return {
          cell: cell.id,
          die: `${first.socketId ?? 0}/${first.dieId ?? 0}`,
          cache: caches.get(first.id) ?? `cell ${cell.id}`,
          cpus,
          threads: group.length,
          isolated: cpus.every((cpu) => isolated.has(cpu)),
          ...(group.some((cpu) => efficiency.has(cpu.id)) ? { efficiency: true } : {}),
        };
      }),
    )
    .filter((core) => core.cpus.length > 0);
}

/** A cell's CPUs that are online, core by core. */
function coreGroups(cell: HostCell, online: CpuSet): HostCpu[][] {
  const groups = new Map<string, HostCpu[]>();
  const usable = cellCpus(cell).intersection(online);
  for (const cpu of [...cell.cpus].sort((a, b) => a.id - b.id)) {
    if (!usable.has(cpu.id)) continue;
    const key = cpu.siblings.intersection(usable).toString();
    groups.set(key, [...(groups.get(key) ?? []), cpu]);
  }
  return [...groups.values()];
}

/** By CPU. A cache that several cells share counts as one in each: VMs are placed cell by cell. */
function lastLevelCaches(topology: HostTopology): Map<number, string> {
  const last = Math.max(...topology.caches.map((bank) => bank.level));
  const found = new Map<number, string>();
  topology.caches.forEach((bank, index) => {
    if (bank.level !== last) return;
    for (const cpu of bank.cpus) found.set(cpu, `L${last} ${index}`);
  });
  return found;
}
