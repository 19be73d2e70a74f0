import type { Constraints } from './constraints.ts';
import { isOpen, mayRun, type Unit } from './eligible.ts';
import { changed, sharedCpus } from './occupancy.ts';
import { compare, type Occupied, type Placement } from './placement.ts';
import { isServed, type Shortage, shortageFor, strainOf } from './strain.ts';

/** Number of hosts with room that are compared, in the order of their busiest hour. */
const COMPARED = 8;

/**
 * The host that suffers least from these VMs, within the limits and with headroom; undefined where there is none.
 * @param lacking counts what hosts without room lack
 */
export function findTarget(
  unit: Unit,
  placement: Placement,
  constraints: Constraints,
  lacking?: Map<Shortage | 'constraints', number>,
): number | undefined {
  const from = unit[0]?.host as number;
  const { cluster } = placement.at(from).host;
  const vms = unit.map(({ vm }) => vm);
  const { limits } = constraints;
  const neededBytes = vms.reduce((sum, vm) => sum + vm.neededBytes, 0);
  let best: { host: number; contention: number; memory: number } | undefined;
  let compared = 0;
  const count = (what: Shortage | 'constraints', hosts = 1): void => {
    lacking?.set(what, (lacking.get(what) ?? 0) + hosts);
  };
  const order = placement.hostsOf(cluster);
  for (const [rank, index] of order.entries()) {
    if (index === from) continue;
    const occupied = placement.at(index);
    // Hosts are sorted: all further ones are busier still.
    if (occupied.peak > 1 - limits.cpuHeadroom) {
      count('CPUs', order.length - rank);
      break;
    }
    if (lacksMemory(occupied, neededBytes, limits.memoryHeadroom)) {
      count('memory');
      continue;
    }
    if (!isOpen(occupied.host, constraints) || !mayRun(unit, index, placement, constraints)) {
      count('constraints');
      continue;
    }
    if (!isServed(occupied.need, sharedCpus(occupied.host) * (1 - limits.cpuHeadroom), vms)) {
      count('CPUs');
      continue;
    }
    const need = changed(occupied.need, vms, []);
    const shortage = shortageFor(occupied.host, need, limits);
    if (shortage !== undefined) {
      count(shortage);
      continue;
    }
    const { contention, memory } = strainOf(occupied.host, need);
    if (
      best === undefined ||
      contention < best.contention ||
      (contention === best.contention && memory < best.memory)
    ) {
      best = { host: index, contention, memory };
    }
    compared++;
    if (compared === COMPARED) break;
  }
  return best?.host;
}

/** A cheap check before the full computation. */
function lacksMemory({ host, need }: Occupied, neededBytes: number, headroom: number): boolean {
  return host.ownMemoryBytes + need.neededBytes + neededBytes > (1 - headroom) * host.memoryBytes;
}

/** What most hosts lack, for a message. */
export function mostLacking(lacking: ReadonlyMap<string, number>): string | undefined {
  return [...lacking].sort(([a, m], [b, n]) => n - m || compare(a, b))[0]?.[0];
}
