import type { Constraints } from './constraints.ts';
import { hasStorage, isOpen } from './eligible.ts';
import { type FleetVm, SLOTS } from './fleet.ts';
import type { Need } from './occupancy.ts';
import { compare, type Placed, type Placement } from './placement.ts';
import { type Shortage, shortageToStart } from './strain.ts';

/** A VM that no other host has room for if its host fails. */
export interface Stranded {
  readonly host: number;
  readonly placed: Placed;
  readonly lacks: Shortage | 'constraints';
}

/**
 * Hosts of a cluster whose VMs could not all restart on the others, each with the first VM that finds no room. VMs are
 * placed one by one, the largest first: round-robin over the hosts, and if that fails, first fit. Both are heuristics
 * for bin packing, so they may miss a packing of a nearly full cluster.
 */
export function strandedIn(cluster: string, placement: Placement, constraints: Constraints): Stranded[] {
  const order = byRoom(cluster, placement, constraints);
  return placement
    .hostsOf(cluster)
    .toSorted((a, b) => compare(placement.at(a).host.id, placement.at(b).host.id))
    .flatMap((lost) => strandedBy(lost, order, placement, constraints) ?? []);
}

/** Hosts that may receive VMs, those with most unallocated memory first. */
export function byRoom(cluster: string, placement: Placement, constraints: Constraints): readonly number[] {
  return placement
    .hostsOf(cluster)
    .filter((index) => isOpen(placement.at(index).host, constraints))
    .sort((a, b) => freeBytes(placement, b) - freeBytes(placement, a) || a - b);
}

/** @param order as returned by byRoom */
export function strandedBy(
  lost: number,
  order: readonly number[],
  placement: Placement,
  constraints: Constraints,
): Stranded | undefined {
  return pack(lost, order, true, placement, constraints) && pack(lost, order, false, placement, constraints);
}

const freeBytes = (placement: Placement, index: number): number => {
  const { host, need } = placement.at(index);
  return host.memoryBytes - need.maximumBytes;
};

/** @param spreads round-robin over the hosts (next fit) instead of first fit */
function pack(
  lost: number,
  order: readonly number[],
  spreads: boolean,
  placement: Placement,
  constraints: Constraints,
): Stranded | undefined {
  const needs = new Map<number, Need>();
  const newcomers = new Map<number, Placed[]>();
  let start = 0;
  for (const placed of bySize(placement.at(lost).vms)) {
    let lacks: Shortage | 'constraints' = 'constraints';
    let found: number | undefined;
    for (let offset = 0; offset < order.length; offset++) {
      const rank = (start + offset) % order.length;
      const index = order[rank] as number;
      if (index === lost || !mayRestart(placed, index, newcomers.get(index), placement)) continue;
      const need = needs.get(index) ?? placement.at(index).need;
      const shortage = shortageToStart(placement.at(index).host, need, placed.vm, constraints.limits);
      if (shortage !== undefined) {
        lacks = shortage;
        continue;
      }
      needs.set(index, started(need, placed.vm));
      newcomers.set(index, [...(newcomers.get(index) ?? []), placed]);
      found = rank;
      break;
    }
    if (found === undefined) return { host: lost, placed, lacks };
    start = spreads ? found + 1 : 0;
  }
  return undefined;
}

/** The need with one more VM, without its variance: contention does not matter in an emergency. */
function started(need: Need, vm: FleetVm): Need {
  const meanCpus = Float64Array.from(need.meanCpus);
  for (let slot = 0; slot < SLOTS; slot++) {
    meanCpus[slot] = (meanCpus[slot] as number) + (vm.demandCpus[slot] as number);
  }
  return {
    meanCpus,
    variance: need.variance,
    neededBytes: need.neededBytes + vm.neededBytes,
    maximumBytes: need.maximumBytes + vm.maximumBytes,
    hugePageBytes: need.hugePageBytes + vm.hugePageBytes,
  };
}

function bySize(vms: readonly Placed[]): Placed[] {
  // VMs with local disks are lost with their host: no other host can start them.
  return vms
    .filter(({ vm }) => !vm.isLocal)
    .toSorted(
      (a, b) =>
        b.vm.maximumBytes + b.vm.hugePageBytes - (a.vm.maximumBytes + a.vm.hugePageBytes) ||
        compare(a.vm.uuid, b.vm.uuid),
    );
}

/** A starting VM adapts to its host's CPU; storage and anti-affinity still apply. */
export function mayRestart(
  { vm, apart }: Placed,
  index: number,
  newcomers: readonly Placed[] | undefined,
  placement: Placement,
): boolean {
  return (
    hasStorage(vm, placement.at(index).host) &&
    apart.every(
      (key) =>
        placement.membersOn(key, index) === 0 &&
        !(newcomers ?? []).some((other) => other.apart.includes(key)),
    )
  );
}
