import { type Demand, readyVariance } from './contention.ts';
import { type FleetHost, type FleetVm, SLOTS } from './fleet.ts';

/** Combined need of the VMs on a host. */
export interface Need extends Demand {
  readonly neededBytes: number;
  readonly maximumBytes: number;
  readonly hugePageBytes: number;
}

interface MutableNeed {
  readonly meanCpus: Float64Array;
  readonly variance: Float64Array;
  neededBytes: number;
  maximumBytes: number;
  hugePageBytes: number;
}

/** CPUs shared by VMs without dedicated CPUs. */
export const sharedCpus = ({ cpus, dedicatedCpus }: FleetHost): number => Math.max(0, cpus - dedicatedCpus);

/**
 * Sums over these VMs in a fixed order: the same VMs give bit-identical results, whatever moved before. Pinned VMs use
 * their dedicated CPUs, unless a host has more pinned vCPUs than those: then it is unknown which of them float.
 */
export function needOf(host: FleetHost, vms: readonly FleetVm[]): Need {
  const pinnedVcpus = vms.reduce((sum, vm) => sum + (vm.isPinned ? vm.vcpus : 0), 0);
  const isApart = pinnedVcpus <= host.dedicatedCpus;
  const need: MutableNeed = {
    meanCpus: new Float64Array(SLOTS),
    variance: new Float64Array(SLOTS),
    neededBytes: 0,
    maximumBytes: 0,
    hugePageBytes: 0,
  };
  for (const vm of vms) add(need, vm, !(vm.isPinned && isApart));
  return need;
}

function add(need: MutableNeed, vm: FleetVm, isShared: boolean): void {
  need.neededBytes += vm.neededBytes;
  need.maximumBytes += vm.maximumBytes;
  need.hugePageBytes += vm.hugePageBytes;
  if (!isShared) return;
  for (let slot = 0; slot < SLOTS; slot++) {
    const demand = vm.demandCpus[slot] as number;
    need.meanCpus[slot] = (need.meanCpus[slot] as number) + demand;
    need.variance[slot] = (need.variance[slot] as number) + readyVariance(demand, vm.vcpus, vm.burstVariance);
  }
}

/** The need after VMs come and go; none of them pinned. */
export function changed(need: Need, coming: readonly FleetVm[], going: readonly FleetVm[]): Need {
  const meanCpus = Float64Array.from(need.meanCpus);
  const variance = Float64Array.from(need.variance);
  let { neededBytes, maximumBytes, hugePageBytes } = need;
  for (const [vms, sign] of [
    [coming, 1],
    [going, -1],
  ] as const) {
    for (const vm of vms) {
      neededBytes += sign * vm.neededBytes;
      maximumBytes += sign * vm.maximumBytes;
      hugePageBytes += sign * vm.hugePageBytes;
      for (let slot = 0; slot < SLOTS; slot++) {
        const demand = vm.demandCpus[slot] as number;
        meanCpus[slot] = Math.max(0, (meanCpus[slot] as number) + sign * demand);
        variance[slot] = Math.max(
          0,
          (variance[slot] as number) + sign * readyVariance(demand, vm.vcpus, vm.burstVariance),
        );
      }
    }
  }
  return { meanCpus, variance, neededBytes, maximumBytes, hugePageBytes };
}
