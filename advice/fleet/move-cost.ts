import type { FleetVm } from './fleet.ts';

/** Cost of a live migration. */
export interface MoveCost {
  readonly bytes: number;
  readonly seconds: number;
  /** CPU time on both hosts, in seconds: QEMU copies with a thread on each side. */
  readonly cpuSeconds: number;
}

/** A guest that dirties memory at more than this share of the bandwidth takes very long to converge, or never does. */
const CONVERGES_BELOW = 0.8;
const THREADS = 2;

export const hasTimeToConverge = ({ dirtyBytesPerSecond = 0 }: FleetVm, bandwidth: number): boolean =>
  dirtyBytesPerSecond <= CONVERGES_BELOW * bandwidth;

/**
 * Precopy sends all memory, then what was dirtied while it did, and so on: a geometric series with the ratio of dirty
 * rate and bandwidth. An unmeasured dirty rate counts as 0, which makes this a lower bound.
 * @param bandwidth bytes per second
 */
export function costOf(vms: readonly FleetVm[], bandwidth: number): MoveCost {
  let bytes = 0;
  for (const vm of vms) {
    const again = Math.min(CONVERGES_BELOW, (vm.dirtyBytesPerSecond ?? 0) / bandwidth);
    bytes += (vm.neededBytes + vm.hugePageBytes) / (1 - again);
  }
  const seconds = bytes / bandwidth;
  return { bytes, seconds, cpuSeconds: seconds * THREADS };
}
