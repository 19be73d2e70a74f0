import { CpuSet } from './cpu-set.ts';
import { claimsOf, dedicatedCpu } from './dedicated.ts';
import type { DomainFacts } from './domain/domain.ts';
import type { HostFigures, PoolFigures } from './host.ts';
import { hugePoolsKiB } from './huge-pools.ts';
import { hugePagesKiB, pageDemandsOf } from './page-demand.ts';
import { poolFinder } from './pool-of.ts';
import {
  hasFailed,
  hasMigratedAway,
  holdsMemory,
  isMigrationCopy,
  type RunState,
  vcpusCanRun,
} from './run-state.ts';
import type { DomainStats } from './stats/types.ts';
import type { DomainMarks } from './summary.ts';
import { type HostTopology, onlineCpus } from './topology.ts';
import { msToSeconds, nsToSeconds } from './units.ts';

/** Input of the overcommit figures: one domain at one moment. */
export interface OvercommitDomain {
  readonly name: string;
  readonly run: RunState;
  readonly vcpus: number | undefined;
  readonly maximumKiB: number | undefined;
  readonly memoryKiB: number | undefined;
  readonly facts: DomainFacts | undefined;
  readonly stats: DomainStats | undefined;
  /** Absent where they were not requested. */
  readonly marks?: Pick<DomainMarks, 'autostart' | 'managedSave'> | undefined;
}

/** How much of the host is allocated. Ratios above 1: overcommit. */
export interface Overcommit {
  /** Known to libvirt, running or not. */
  readonly domains: number;
  /** Of domains whose vCPUs can run. */
  readonly vcpusRunning: number;
  /** Of domains with memory but stopped vCPUs: paused, suspended, crashed and kept. Absent in older recordings. */
  readonly vcpusPaused?: number | undefined;
  readonly vcpusDefined: number;
  readonly vcpuRatio: number | undefined;
  /** If all defined domains ran. */
  readonly vcpuRatioDefined: number | undefined;
  /** Of domains with a QEMU process, including paused ones. */
  readonly memoryMaximumKiB: number;
  readonly memoryCurrentKiB: number;
  /** Held by stopped migration copies; the running copies count on other hosts. Absent in older recordings. */
  readonly memoryMigratingKiB?: number | undefined;
  /**
   * The part on huge pages, and how much of it stopped migration copies hold. Absent where the host does not report its
   * pools, and in older recordings.
   */
  readonly memoryHugepagesKiB?: number | undefined;
  readonly memoryMigratingHugepagesKiB?: number | undefined;
  /** Ratios exclude huge page pools, on both sides. */
  readonly memoryMaximumRatio: number | undefined;
  readonly memoryCurrentRatio: number | undefined;
  /** Host CPUs that more than one vCPU is pinned to exclusively, so that none of them has the CPU dedicated. */
  readonly cpusDedicatedTwice: number;
  /** Host CPUs dedicated to vCPUs of active domains; absent without the host's topology, and in older recordings. */
  readonly cpusDedicated?: number | undefined;
  readonly hugepages: readonly HugepageDemand[];
  /** Bytes that disks may grow to, by pool. */
  readonly pools: readonly PoolDemand[];
}

/** Huge pages needed to start domains that are off now but will start again. */
export interface HugepageDemand {
  readonly sizeKiB: number;
  /** The single host cell that they are bound to; absent where they may be anywhere. */
  readonly cell: number | undefined;
  readonly wanted: number;
  /** Absent where the host did not report pages of this size. */
  readonly free: number | undefined;
}

export interface PoolDemand {
  readonly pool: string;
  readonly provisionedBytes: number;
}

/** Whether one domain is wider than what it runs on. */
export interface DomainFit {
  readonly widerThanHost: boolean | undefined;
  /** Than the largest NUMA cell. */
  readonly widerThanCell: boolean | undefined;
}

export function overcommitOf(host: HostFigures, domains: readonly OvercommitDomain[]): Overcommit {
  const active = domains.filter((domain) => holdsMemory(domain.run));
  const vcpusActive = sum(active, (domain) => domain.vcpus);
  const vcpusRunning = sum(
    active.filter((domain) => vcpusCanRun(domain.run)),
    (domain) => domain.vcpus,
  );
  // A definition that a migration left behind counts on the host that its VM moved to.
  const here = domains.filter((domain) => !hasMigratedAway(domain.run));
  const vcpusDefined = sum(here, (domain) => domain.vcpus);
  const memoryMaximumKiB = sum(active, (domain) => domain.maximumKiB);
  const memoryCurrentKiB = sum(active, (domain) => domain.memoryKiB);
  const migrating = active.filter((domain) => isMigrationCopy(domain.run));
  // Computed once per domain: it walks the definition.
  const hugeKiBs = new Map(active.map((domain) => [domain, hugeKiB(domain)]));
  const hugeKiBOf = (domain: OvercommitDomain): number => hugeKiBs.get(domain) ?? 0;
  const poolsKiB = hugePoolsKiB(host);
  const totalKiB = host.memoryKiB.get('total');
  const ordinaryKiB = totalKiB === undefined ? undefined : totalKiB - (poolsKiB ?? 0);
  // Where the host does not report its pools, huge page memory counts like any other, on both sides.
  const ordinary = (domain: OvercommitDomain, kib: number | undefined): number =>
    Math.max(0, (kib ?? 0) - (poolsKiB === undefined ? 0 : hugeKiBOf(domain)));
  return {
    domains: domains.length,
    vcpusRunning,
    vcpusPaused: vcpusActive - vcpusRunning,
    vcpusDefined,
    vcpuRatio: ratio(vcpusRunning, host.cpusOnline),
    vcpuRatioDefined: ratio(vcpusDefined, host.cpusOnline),
    memoryMaximumKiB,
    memoryCurrentKiB,
    memoryMigratingKiB: sum(migrating, (domain) => domain.maximumKiB),
    memoryHugepagesKiB: poolsKiB === undefined ? undefined : sum(active, hugeKiBOf),
    memoryMigratingHugepagesKiB: poolsKiB === undefined ? undefined : sum(migrating, hugeKiBOf),
    memoryMaximumRatio: ratio(
      sum(active, (domain) => ordinary(domain, domain.maximumKiB)),
      ordinaryKiB,
    ),
    memoryCurrentRatio: ratio(
      sum(active, (domain) => ordinary(domain, domain.memoryKiB)),
      ordinaryKiB,
    ),
    cpusDedicatedTwice: dedicatedTwice(active),
    cpusDedicated: host.topology && dedicatedTo(active, host.topology),
    hugepages: hugepageDemand(host, domains),
    // A disk that two hosts can reach counts where its VM runs; otherwise a shared pool would count it twice.
    pools: poolDemand(
      host.pools,
      here.filter((domain) => !isMigrationCopy(domain.run)),
    ),
  };
}

/**
 * Memory of a host outside of huge page pools, and how much of it VMs may use. A migrating VM has memory on two hosts,
 * but will need it on one only. If the host does not report its pools, and in older recordings, all memory counts.
 */
export function ordinaryMemoryOf(
  host: HostFigures,
  of: Overcommit,
): { ordinaryKiB: number; allocatedKiB: number } | undefined {
  const totalKiB = host.memoryKiB.get('total');
  const poolsKiB = of.memoryHugepagesKiB === undefined ? undefined : hugePoolsKiB(host);
  if (totalKiB === undefined) return undefined;
  const allKiB = of.memoryMaximumKiB - (of.memoryMigratingKiB ?? 0);
  const hugeKiB = (of.memoryHugepagesKiB ?? 0) - (of.memoryMigratingHugepagesKiB ?? 0);
  return poolsKiB === undefined
    ? { ordinaryKiB: totalKiB, allocatedKiB: allKiB }
    : { ordinaryKiB: totalKiB - poolsKiB, allocatedKiB: allKiB - hugeKiB };
}

/** The part of the domain's maximum memory that is on huge pages; 0 while its definition is unknown. */
function hugeKiB({ facts, maximumKiB }: OvercommitDomain): number {
  return facts === undefined ? 0 : Math.min(hugePagesKiB(facts), maximumKiB ?? Number.POSITIVE_INFINITY);
}

/**
 * Whether a domain that is off will start again without a user's decision, or stopped without one: any other may be off
 * on purpose.
 */
function startsAgain({ run, marks }: OvercommitDomain): boolean {
  return marks?.autostart === true || marks?.managedSave === true || hasFailed(run);
}

/** By domain, in the given order. */
export function fitsOf(host: HostFigures, domains: readonly OvercommitDomain[]): DomainFit[] {
  const { topology, cpusOnline } = host;
  const widths = topology?.cells.map((cell) => onlineCpus({ ...topology, cells: [cell] }).size) ?? [];
  const widest = widths.length === 0 ? undefined : Math.max(...widths) || undefined;
  return domains.map(({ vcpus }) => ({
    widerThanHost: vcpus === undefined || cpusOnline === undefined ? undefined : vcpus > cpusOnline,
    widerThanCell: vcpus === undefined || widest === undefined ? undefined : vcpus > widest,
  }));
}

function sum<T>(items: readonly T[], of: (item: T) => number | undefined): number {
  return items.reduce((total, item) => total + (of(item) ?? 0), 0);
}

function ratio(part: number, whole: number | undefined): number | undefined {
  return whole === undefined || whole <= 0 ? undefined : part / whole;
}

/**
 * A vCPU pinned to one CPU claims it exclusively, even while it is paused; a CPU with two such claims is not dedicated.
 */
function dedicatedTwice(active: readonly OvercommitDomain[]): number {
  const claims = new Map<number, number>();
  for (const { facts } of active) {
    for (const pin of facts?.cpu.vcpuPins.values() ?? []) {
      const cpu = dedicatedCpu(pin);
      if (cpu !== undefined) claims.set(cpu, (claims.get(cpu) ?? 0) + 1);
    }
  }
  return [...claims.values()].filter((count) => count > 1).length;
}

function dedicatedTo(active: readonly OvercommitDomain[], topology: HostTopology): number {
  return active
    .flatMap(({ facts }) =>
      facts === undefined || isUnconfined(facts) ? [] : [claimsOf(facts.cpu, topology).vcpus],
    )
    .reduce((all, cpus) => all.union(cpus), CpuSet.empty).size;
}

const isUnconfined = ({ cpu }: DomainFacts): boolean => cpu.vcpuPins.size === 0 && cpu.cpuSet === undefined;

function hugepageDemand(host: HostFigures, domains: readonly OvercommitDomain[]): HugepageDemand[] {
  const demands = new Map<string, { sizeKiB: number; cell: number | undefined; wanted: number }>();
  for (const domain of domains) {
    const { run, facts } = domain;
    if (holdsMemory(run) || facts === undefined || !startsAgain(domain)) continue;
    for (const { sizeKiB, pages, cells } of pageDemandsOf(facts)) {
      // libvirt does not report the host's default size.
      if (sizeKiB === 'default') continue;
      const cell = cells?.size === 1 ? cells.first : undefined;
      const key = `${sizeKiB} ${cell}`;
      const demand = demands.get(key) ?? { sizeKiB, cell, wanted: 0 };
      demand.wanted += pages;
      demands.set(key, demand);
    }
  }
  return [...demands.values()].map((demand) => ({ ...demand, free: freePages(host, demand) }));
}

function freePages(host: HostFigures, at: { sizeKiB: number; cell: number | undefined }): number | undefined {
  const reported = host.cells
    .filter((cell) => at.cell === undefined || cell.id === at.cell)
    .flatMap((cell) => cell.pages.find((pages) => pages.sizeKiB === at.sizeKiB)?.free ?? []);
  return reported.length === 0 ? undefined : sum(reported, (free) => free);
}

/**
 * A disk belongs to the pool whose folder contains its image, or that its volume names. An image counts once; pools
 * without disks of known size are left out.
 */
function poolDemand(pools: readonly PoolFigures[], domains: readonly OvercommitDomain[]): PoolDemand[] {
  if (pools.length === 0) return [];
  const poolOf = poolFinder(pools);
  const provisioned = new Map<string, Map<string, number>>();
  for (const { facts, stats } of domains) {
    if (facts === undefined || stats === undefined) continue;
    for (const { target, source } of facts.disks) {
      if (source === undefined) continue;
      const pool = poolOf(source)?.name;
      if (pool === undefined) continue;
      const capacityBytes = capacityOf(stats, target);
      if (capacityBytes === undefined) continue;
      const images = provisioned.get(pool) ?? new Map<string, number>();
      images.set(source.name, capacityBytes);
      provisioned.set(pool, images);
    }
  }
  return pools.flatMap((pool) => {
    const images = provisioned.get(pool.name);
    return images === undefined
      ? []
      : [{ pool: pool.name, provisionedBytes: sum([...images.values()], (bytes) => bytes) }];
  });
}

function capacityOf({ blocks }: DomainStats, target: string): number | undefined {
  for (const block of blocks.values()) if (block.name === target) return block.capacityBytes;
  return undefined;
}

/** vCPU time that ran, and that waited for a CPU (delay), over domains present in both readings. */
export interface Contention {
  readonly runNs: number;
  readonly delayNs: number;
  readonly elapsedMs: number;
}

/** By run of a domain (UUID and id), since a restart resets its counters. */
export type VcpuTimes = ReadonlyMap<string, { readonly runNs: number; readonly delayNs: number }>;

/** Growth between two readings; a counter that fell was reset and adds nothing. Undefined when no domain is in both. */
export function contentionBetween(
  before: VcpuTimes,
  after: VcpuTimes,
  elapsedMs: number,
): Contention | undefined {
  let compared = false;
  let runNs = 0;
  let delayNs = 0;
  for (const [key, now] of after) {
    const then = before.get(key);
    if (then === undefined || now.runNs < then.runNs || now.delayNs < then.delayNs) continue;
    compared = true;
    runNs += now.runNs - then.runNs;
    delayNs += now.delayNs - then.delayNs;
  }
  return compared ? { runNs, delayNs, elapsedMs } : undefined;
}

/** Contention: delay / (delay + run); undefined without demand. */
export function contentionRatio({ runNs, delayNs }: Contention): number | undefined {
  return runNs + delayNs > 0 ? delayNs / (runNs + delayNs) : undefined;
}

/** CPU shortfall: CPUs that were missing for no vCPU to wait; undefined where no time passed. */
export function cpuShortfall({ delayNs, elapsedMs }: Contention): number | undefined {
  return elapsedMs > 0 ? nsToSeconds(delayNs) / msToSeconds(elapsedMs) : undefined;
}

/** CPUs. As in the alert HostCpuContentionHigh: below it, demand is too low for contention to mean anything. */
export const SHORTFALL_THAT_COUNTS = 0.1;

/** Whether more than this share of CPU demand was not served, and demand was high enough to matter. */
export function isContended(contention: Contention, share: number): boolean {
  return (
    (contentionRatio(contention) ?? 0) > share && (cpuShortfall(contention) ?? 0) > SHORTFALL_THAT_COUNTS
  );
}

/** Sums over a domain's vCPUs; undefined when none is known. */
export function vcpuTimesOf(stats: DomainStats): { runNs: number; delayNs: number } | undefined {
  let isAnyKnown = false;
  let runNs = 0;
  let delayNs = 0;
  for (const vcpu of stats.vcpus.values()) {
    if (vcpu.timeNs === undefined || vcpu.delayNs === undefined) continue;
    isAnyKnown = true;
    runNs += vcpu.timeNs;
    delayNs += vcpu.delayNs;
  }
  return isAnyKnown ? { runNs, delayNs } : undefined;
}
