import { type Demand, worstContention } from './contention.ts';
import { type FleetHost, type FleetLimits, type FleetVm, HYSTERESIS, SLOTS } from './fleet.ts';
import { type Need, sharedCpus } from './occupancy.ts';

/** How much a host is strained by its VMs. */
export interface Strain {
  /** Share of CPU demand that is not served in the worst hour, and that hour (UTC). */
  readonly contention: number;
  readonly slot: number;
  /** Memory that the host and its VMs need / memory of the host, without huge pages. */
  readonly memory: number;
}

export function strainOf(host: FleetHost, need: Need): Strain {
  const { share, slot } = worstContention(sharedCpus(host), need);
  return { contention: share, slot, memory: memoryShare(host, need) };
}

const memoryShare = ({ ownMemoryBytes, memoryBytes }: FleetHost, { neededBytes }: Need): number =>
  memoryBytes > 0 ? (ownMemoryBytes + neededBytes) / memoryBytes : Number.POSITIVE_INFINITY;

/** Above a limit, so it must be relieved. */
export const isOver = ({ contention, memory }: Strain, limits: FleetLimits): boolean =>
  contention > limits.contention || memory > limits.memory;

/** What relief aims at, as shares. */
export interface Goal {
  readonly contention: number;
  readonly memory: number;
}

/** Noticeably below each limit that the host exceeds now; a limit that it meets only has to be kept. */
export const goalOf = ({ contention, memory }: Strain, limits: FleetLimits): Goal => ({
  contention: contention > limits.contention ? HYSTERESIS * limits.contention : limits.contention,
  memory: memory > limits.memory ? 1 - limits.memoryHeadroom : limits.memory,
});

export const meets = ({ contention, memory }: Strain, goal: Goal): boolean =>
  contention <= goal.contention && memory <= goal.memory;

/** Distance of a host from a goal, in shares of its CPUs and its memory; 0 where it meets it. */
export function excessOf(host: FleetHost, need: Need, goal: Goal): number {
  const { contention, memory } = strainOf(host, need);
  const memoryExcess = Math.max(0, memory - goal.memory);
  if (contention <= goal.contention) return memoryExcess;
  const cpus = Math.max(1, sharedCpus(host));
  let overCpus = 0;
  for (let slot = 0; slot < SLOTS; slot++) {
    const mean = need.meanCpus[slot] as number;
    // Ready vCPUs in excess of the CPUs at the 95th percentile of a normal distribution.
    overCpus += Math.max(0, mean + 1.645 * Math.sqrt(need.variance[slot] as number) - cpus);
  }
  return memoryExcess + overCpus / cpus / SLOTS + contention;
}

export type Shortage = 'CPUs' | 'memory' | 'memory to allocate' | 'huge pages';

/** What a host lacks to stay within the limits, with headroom, under this need; undefined where it lacks nothing. */
export function shortageFor(host: FleetHost, need: Need, limits: FleetLimits): Shortage | undefined {
  const lacking = memoryShortage(host, need, limits.memoryOvercommit, 1 - limits.memoryHeadroom);
  if (lacking !== undefined) return lacking;
  const cpus = sharedCpus(host);
  if (!isServed(need, cpus * (1 - limits.cpuHeadroom))) return 'CPUs';
  return worstContention(cpus, need).share <= HYSTERESIS * limits.contention * ROUNDING ? undefined : 'CPUs';
}

/**
 * What a host lacks to start one more VM while another host is down: no headroom is kept, and contention is accepted as
 * long as demand is below the CPUs.
 */
export function shortageToStart(
  host: FleetHost,
  need: Need,
  vm: FleetVm,
  limits: FleetLimits,
): Shortage | undefined {
  const memory = {
    neededBytes: need.neededBytes + vm.neededBytes,
    maximumBytes: need.maximumBytes + vm.maximumBytes,
    hugePageBytes: need.hugePageBytes + vm.hugePageBytes,
  };
  const lacking = memoryShortage(host, memory, limits.memoryOvercommit, limits.memory);
  return lacking ?? (isServed(need, sharedCpus(host), [vm]) ? undefined : 'CPUs');
}

/** Whether mean demand, with these VMs added, is below the CPUs in every hour. */
export function isServed({ meanCpus }: Demand, cpus: number, vms: readonly FleetVm[] = []): boolean {
  const limit = cpus * ROUNDING;
  for (let slot = 0; slot < SLOTS; slot++) {
    let mean = meanCpus[slot] as number;
    for (const vm of vms) mean += vm.demandCpus[slot] as number;
    if (mean > limit) return false;
  }
  return true;
}

/** Tolerance: sums in another order differ by a few bits, and must not push a host over a limit. */
const ROUNDING = 1 - 1e-9;

function memoryShortage(
  host: FleetHost,
  need: Pick<Need, 'neededBytes' | 'maximumBytes' | 'hugePageBytes'>,
  overcommit: number,
  share: number,
): Shortage | undefined {
  const { memoryBytes, ownMemoryBytes, hugePageBytes } = host;
  if (need.hugePageBytes > hugePageBytes) return 'huge pages';
  if (ownMemoryBytes + need.neededBytes > share * memoryBytes) return 'memory';
  return need.maximumBytes > overcommit * memoryBytes ? 'memory to allocate' : undefined;
}

/** Demand of the busiest hour / CPUs that VMs share. */
export function peakUse(host: FleetHost, { meanCpus }: Need): number {
  let peak = 0;
  for (let slot = 0; slot < SLOTS; slot++) peak = Math.max(peak, meanCpus[slot] as number);
  const cpus = sharedCpus(host);
  return cpus > 0 ? peak / cpus : Number.POSITIVE_INFINITY;
}
