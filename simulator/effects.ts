import { CpuSet } from '../model/cpu-set.ts';
import type { HostLayout } from './topology.ts';
import type { VmDisk, VmFacts } from './vm-facts.ts';

/**
 * Effect of tuning on a guest's throughput, from published measurements. PostgreSQL under TPROC-C: local memory and
 * hugepages 100 %, remote memory 95.5 %, local without hugepages 96.3 %, neither 89.4 % (n0derunner.com, "tuning
 * postgres for memory benchmarks"). The rest are figures of the same kind, rounded.
 */
const PACE = { both: 1, huge: 0.955, local: 0.963, neither: 0.894 } as const;

export interface Effects {
  /** vCPUs that share an affinity; undefined CPUs: all CPUs of the host. */
  readonly places: readonly { readonly cpus: CpuSet | undefined; readonly vcpus: number }[];
  /** For each vCPU the index into `places`. */
  readonly placeOf: readonly number[];
  /** CPU weight of its control group, relative to other VMs. */
  readonly weight: number;
  /** Maximum CPU seconds per second of each vCPU. */
  readonly cap: number;
  readonly pace: number;
  /** For each disk, in order. */
  readonly disks: readonly DiskTimes[];
}

const KNOWN = new WeakMap<VmFacts, Effects>();

/** Cached by facts, which are immutable: a changed description has new ones. */
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

/** The fraction of work that a guest gets done with its CPU time, 0 to 1. */
function memoryPace(facts: VmFacts, layout: HostLayout): number {
  const huge = facts.pages.length > 0;
  const local = isLocal(facts, layout);
  return PACE[huge && local ? 'both' : huge ? 'huge' : local ? 'local' : 'neither'];
}

/** Whether every vCPU is local to the memory that the VM is bound to. */
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

/** Latency on the simulated storage, an NVMe drive behind QEMU. */
const BARE: DiskTimes = { readNs: 180_000, writeNs: 240_000, flushNs: 900_000 };

/** The host's page cache adds a copy to reads, absorbs writes, and must be flushed itself. */
const BY_CACHE: Readonly<Record<string, DiskTimes>> = {
  none: BARE,
  writeback: { readNs: 350_000, writeNs: 90_000, flushNs: 1_300_000 },
  writethrough: { readNs: 350_000, writeNs: 1_100_000, flushNs: 20_000 },
  directsync: { ...BARE, writeNs: 1_050_000, flushNs: 20_000 },
  unsafe: { readNs: 350_000, writeNs: 90_000, flushNs: 2_000 },
};

/** Relative to QEMU's thread pool; OWN_THREAD: relative to QEMU's main loop, which all other devices share. */
const BY_IO: Readonly<Record<string, number>> = { threads: 1, native: 0.92, io_uring: 0.9 };
const OWN_THREAD = 0.9;

function diskTimes({ cache, io, ioThread }: VmDisk): DiskTimes {
  // QEMU's default mode is writeback (qemu(1), -drive cache).
  const base = BY_CACHE[cache ?? 'writeback'] ?? BARE;
  const factor = (BY_IO[io ?? 'threads'] ?? 1) * (ioThread === undefined ? 1 : OWN_THREAD);
  return { readNs: base.readNs * factor, writeNs: base.writeNs * factor, flushNs: base.flushNs };
}
