import { CpuSet } from '../../model/cpu-set.ts';
import type { Step } from '../advice.ts';
import { lasting, virshStep } from '../commands.ts';
import type { Context } from '../context.ts';
import type { ObservedVm } from '../observation.ts';
import { cellsOf, pinnedCpus } from '../pins.ts';

/** Those of the CPUs on NUMA cells that the VM's memory is bound to; all of them if it is not bound. */
export function nearMemory({ facts }: ObservedVm, cpus: CpuSet, { observation }: Context): CpuSet {
  const { numaMode, numaNodeset, memNodes } = facts?.memory ?? {};
  if (numaMode === undefined && (memNodes?.size ?? 0) === 0) return cpus;
  const cells = CpuSet.of([
    ...(numaNodeset ?? []),
    ...[...(memNodes?.values() ?? [])].flatMap((each) => [...each]),
  ]);
  if (cells.size === 0) return cpus;
  return CpuSet.of([...cpus].filter((cpu) => cells.has(observation.cellOf.get(cpu) ?? -1)));
}

/**
 * Targets for a VM among these CPUs, the best first: single NUMA cells with room for all its vCPUs, then all of the
 * CPUs. Only cells with its memory qualify, the most memory first (/proc/PID/numa_maps). If the memory map is unknown:
 * the cells of its current pins first, since memory is allocated where a VM runs.
 */
export function targetsFor({ vcpus, sample }: ObservedVm, cpus: CpuSet, { observation }: Context): CpuSet[] {
  const bytes = sample.local?.memoryMap?.nodeBytes ?? new Map<number, number>();
  const present = new Set(bytes.size > 0 ? [] : cellsOf(pinnedCpus(sample) ?? CpuSet.of([]), observation));
  const cells = [...Map.groupBy(cpus, (cpu) => observation.cellOf.get(cpu) ?? -1)]
    .filter(([cell]) => cell >= 0 && (bytes.size === 0 || (bytes.get(cell) ?? 0) > 0))
    .map(([cell, its]) => ({
      cpus: CpuSet.of(its),
      bytes: bytes.get(cell) ?? 0,
      isPresent: present.has(cell),
    }))
    .toSorted(
      (a, b) => b.bytes - a.bytes || Number(b.isPresent) - Number(a.isPresent) || b.cpus.size - a.cpus.size,
    );
  return [...cells.map((each) => each.cpus), cpus].filter(({ size }) => size >= vcpus);
}

/** Hardware threads of the cores that these CPUs belong to. */
export function wholeCores(cpus: CpuSet, { observation }: Context): CpuSet {
  const siblings = siblingsOf(observation.newest.host?.topology);
  return CpuSet.of([...cpus].flatMap((cpu) => [cpu, ...(siblings.get(cpu) ?? [])]));
}

type Topology = NonNullable<NonNullable<Context['observation']['newest']['host']>['topology']>;
/** Cached, since one topology serves lookups for many VMs. */
const siblingsByTopology = new WeakMap<Topology, ReadonlyMap<number, CpuSet>>();

function siblingsOf(topology: Topology | undefined): ReadonlyMap<number, CpuSet> {
  if (topology === undefined) return new Map();
  const known = siblingsByTopology.get(topology);
  if (known !== undefined) return known;
  const siblings = new Map(
    topology.cells.flatMap((cell) => cell.cpus.map((cpu) => [cpu.id, cpu.siblings] as const)),
  );
  siblingsByTopology.set(topology, siblings);
  return siblings;
}

/** Commands that pin all vCPUs of a VM to these CPUs, now and at its next start. */
export function pinSteps(uri: string, vm: ObservedVm, cpus: CpuSet): Step[] {
  return Array.from({ length: vm.vcpus }, (_, vcpu) =>
    virshStep(uri, vm, 'vcpupin', String(vcpu), cpus.toString(), ...lasting(vm.sample)),
  );
}

export function cellText(cpus: CpuSet, { observation }: Context): string {
  const cells = cellsOf(cpus, observation);
  return cells.length === 0 ? '' : ` of NUMA cell ${cells.join(', ')}`;
}

/** What may become remote by running there, and what is unknown about these CPUs. */
export function cellRisk(targets: readonly CpuSet[], { observation }: Context): string {
  const remote = targets.some((each) => cellsOf(each, observation).length > 1)
    ? 'memory that is not bound to a NUMA cell may be remote to vCPUs on another cell'
    : 'its caches are cold at first; memory that it has on another NUMA cell becomes remote';
  return observation.isolated === undefined ? `${remote}. ${ISOLATION_UNKNOWN}` : remote;
}

/** vCPUs that are pinned to several isolated CPUs all stay on one of them. */
const ISOLATION_UNKNOWN =
  'Which CPUs are isolated from the scheduler (isolcpus) or kept from VMs is not known from here';
