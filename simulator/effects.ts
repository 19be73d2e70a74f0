import { CpuSet } from '../model/cpu-set.ts';
import type { HostLayout } from './topology.ts';
import type { VmDisk, VmFacts } from './vm-facts.ts';

/**
 * What tuning does to a guest's work, as far as others have measured it. PostgreSQL under TPROC-C: local memory and
 * hugepages 100 %, remote memory 95.5 %, local without hugepages 96.3 %, neither 89.4 %
 * (n0derunner.com, "tuning postgres for memory benchmarks"). The rest are the same kind of figure, rounded.
 */
const PACE = { both: 1, huge: 0.955, local: 0.963, neither: 0.894 } as const;

export interface Effects {
  /** vCPUs that may run on the same CPUs; undefined: wherever the host has CPUs. */
  readonly places: readonly { readonly cpus: CpuSet | undefined; readonly vcpus: number }[];
  /** Of each vCPU, which of the places is its. */
  readonly placeOf: readonly number[];
  /** Of its control group, against those of other VMs. */
  readonly weight: number;
  /** CPU seconds per second that each vCPU may run at most. */
  readonly cap: number;
  readonly pace: number;
  /** Of each disk, in their order. */
  readonly disks: readonly DiskTimes[];
}

const KNOWN = new WeakMap<VmFacts, Effects>();

/** Computed once for a description: facts never change, a changed description has new ones. */
export function effectsOf(facts: VmFacts, layout: HostLayout): Effects {
  const known = KNOWN.get(facts);
  if (known !== undefined) return known;
  const places = new Map<
    string,
    { readonly cpus: CpuSet | undefined; vcpus: number; readonly index: number }
  >();
  const placeOf = Array.from({ length: facts.vcpusCurrent }, (_, vcpu) => {
    const cpus = facts.vcpuPins.get(vcpu) ?? facts.cpuSet;
    const key = cpus?.toString() ?? 'all';
    const place = places.get(key) ?? { cpus, vcpus: 0, index: places.size };
    place.vcpus++;
    places.set(key, place);
    return place.index;
  });
  const { vcpu = 1, all = facts.vcpusCurrent } = facts.quota;
  const cap = Math.min(1, vcpu, all / Math.max(1, facts.vcpusCurrent));
  const effects = {
    places: [...places.values()],
    placeOf,
    weight: facts.cpuWeight,
    cap,
    pace: memoryPace(facts, layout),
    disks: facts.disks.map(diskTimes),
  };
  KNOWN.set(facts, effects);
  return effects;
}

/** What of the work that its CPU time would allow a guest gets done, 0 to 1. */
function memoryPace(facts: VmFacts, layout: HostLayout): number {
  const huge = facts.pages.length > 0;
  const local = isLocal(facts, layout);
  return PACE[huge && local ? 'both' : huge ? 'huge' : local ? 'local' : 'neither'];
}

/** Whether every vCPU stays with the memory that the VM is held to. */
function isLocal(facts: VmFacts, { cells }: HostLayout): boolean {
  if (cells.length === 1) return true;
  const bound = [...facts.memNodes.values()].reduce((all, each) => all.union(each), CpuSet.empty);
  const memory = bound.size > 0 ? bound : facts.numaCells;
  if (memory === undefined || memory.size === cells.length) return false;
  const near = CpuSet.of(cells.filter((cell) => memory.has(cell.id)).flatMap((cell) => [...cell.cpus]));
  return Array.from(
    { length: facts.vcpusCurrent },
    (_, vcpu) => facts.vcpuPins.get(vcpu) ?? facts.cpuSet,
  ).every((cpus) => cpus?.isSubsetOf(near) === true);
}

export interface DiskTimes {
  readonly readNs: number;
  readonly writeNs: number;
  readonly flushNs: number;
}

/** A request's time on the simulated storage, an NVMe drive behind QEMU. */
const BARE: DiskTimes = { readNs: 180_000, writeNs: 240_000, flushNs: 900_000 };

/** The host's page cache is one copy more to read through, takes writes at once, and has to be flushed itself. */
const BY_CACHE: Readonly<Record<string, DiskTimes>> = {
  none: BARE,
  writeback: { readNs: 350_000, writeNs: 90_000, flushNs: 1_300_000 },
  writethrough: { readNs: 350_000, writeNs: 1_100_000, flushNs: 20_000 },
  directsync: { ...BARE, writeNs: 1_050_000, flushNs: 20_000 },
  unsafe: { readNs: 350_000, writeNs: 90_000, flushNs: 2_000 },
};

/** Against QEMU's thread pool, and against its main loop, which all other devices share. */
const BY_IO: Readonly<Record<string, number>> = { threads: 1, native: 0.92, io_uring: 0.9 };
const OWN_THREAD = 0.9;

function diskTimes({ cache, io, ioThread }: VmDisk): DiskTimes {
  // QEMU's own mode is writeback (qemu(1), -drive cache).
  const base = BY_CACHE[cache ?? 'writeback'] ?? BARE;
  const factor = (BY_IO[io ?? 'threads'] ?? 1) * (ioThread === undefined ? 1 : OWN_THREAD);
  return { readNs: base.readNs * factor, writeNs: base.writeNs * factor, flushNs: base.flushNs };
}
