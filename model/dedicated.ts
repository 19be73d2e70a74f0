import { CpuSet } from './cpu-set.ts';
import type { CpuFacts } from './domain/cpu.ts';
import { cellCpus, type HostTopology } from './topology.ts';

/** The CPU dedicated to a vCPU with this pin: a vCPU that may run on a single CPU claims it. */
export function dedicatedCpu(pin: CpuSet): number | undefined {
  return pin.size === 1 ? pin.first : undefined;
}

/** vCPUs of one domain that share the same set of CPUs. */
export interface CpuRange {
  /** Absent: anywhere. */
  readonly cpus: CpuSet | undefined;
  readonly vcpus: number;
  /** The set contains no whole cell, so its vCPUs have nowhere else to go. */
  readonly narrow: boolean;
}

/** What a domain's XML claims of the host's CPUs. */
export interface CpuClaims {
  /** CPUs dedicated to its vCPUs. */
  readonly vcpus: CpuSet;
  /** CPUs reserved for its emulator and its iothreads. */
  readonly helpers: CpuSet;
  /** Where its other vCPUs run. */
  readonly ranges: readonly CpuRange[];
}

/**
 * vCPUs have dedicated CPUs when pinned to a single CPU each, or confined to less than a cell with no room to spare:
 * the threads of one core, or a set of no more CPUs than vCPUs. A wider set is shared: its vCPUs float. The CPUs of an
 * emulator or iothread are reserved unless vCPUs of the domain float there too; a single CPU always is, since the
 * thread can run nowhere else.
 */
export function claimsOf(cpu: CpuFacts, topology: HostTopology): CpuClaims {
  const cells = topology.cells.map(cellCpus).filter((cpus) => cpus.size > 0);
  const holdsCell = (cpus: CpuSet): boolean => cells.some((cell) => cell.isSubsetOf(cpus));
  const ranges: CpuRange[] = [];
  let vcpus = CpuSet.empty;
  for (const { cpus, count } of affinities(cpu)) {
    const narrow = cpus !== undefined && !holdsCell(cpus);
    const owned =
      cpus !== undefined &&
      (dedicatedCpu(cpus) !== undefined || (narrow && (cpus.size <= count || withinOneCore(cpus, topology))));
    if (owned) vcpus = vcpus.union(cpus);
    else ranges.push({ cpus, vcpus: count, narrow });
  }
  const floats = (cpus: CpuSet): boolean =>
    ranges.some((range) => range.cpus === undefined || range.cpus.isSubsetOf(cpus));
  const helpers = [...(cpu.emulatorPin === undefined ? [] : [cpu.emulatorPin]), ...cpu.ioThreadPins.values()]
    .filter((pin) => dedicatedCpu(pin) !== undefined || (!holdsCell(pin) && !floats(pin)))
    .reduce((all, pin) => all.union(pin), CpuSet.empty);
  return { vcpus, helpers: helpers.difference(vcpus), ranges };
}

/** Each vCPU's pin, or the domain's CPU set where it has none; equal sets are merged. */
function affinities(cpu: CpuFacts): { cpus: CpuSet | undefined; count: number }[] {
  const found = new Map<string, { cpus: CpuSet | undefined; count: number }>();
  for (let vcpu = 0; vcpu < (cpu.vcpusMaximum ?? 0); vcpu++) {
    const cpus = cpu.vcpuPins.get(vcpu) ?? cpu.cpuSet;
    const key = cpus?.toString() ?? 'anywhere';
    const alike = found.get(key) ?? { cpus, count: 0 };
    alike.count++;
    found.set(key, alike);
  }
  return [...found.values()];
}

function withinOneCore(cpus: CpuSet, topology: HostTopology): boolean {
  return topology.cells.some((cell) =>
    cell.cpus.some((cpu) => cpu.id === cpus.first && cpus.isSubsetOf(cpu.siblings)),
  );
}
