import type { Constraints } from './constraints.ts';
import { unitsOn } from './eligible.ts';
import { byRoom, mayRestart, type Stranded, strandedBy, strandedIn } from './host-loss.ts';
import { costOf } from './move-cost.ts';
import { changed } from './occupancy.ts';
import type { Placement } from './placement.ts';
import { type Step, undo } from './relief.ts';
import { shortageToStart } from './strain.ts';
import { findTarget } from './targets.ts';

/** Hosts considered for a VM that could make room, and single moves tried per host that may fail. */
const HOSTS_TRIED = 32;
const MOVES_TRIED = 16;

/**
 * Moves after which the failure of fewer hosts strands VMs. They defragment free room: one VM moves away from a host
 * where the stranded one would fit afterwards. They cannot create room.
 * @param now current result of strandedIn
 */
export function repairLosses(
  cluster: string,
  now: readonly Stranded[],
  placement: Placement,
  constraints: Constraints,
): { readonly steps: readonly Step[]; readonly stranded: readonly Stranded[] } {
  const steps: Step[] = [];
  let stranded = now;
  const tried = new Set<number>();
  for (;;) {
    const next = stranded.find(({ host }) => !tried.has(host));
    if (next === undefined) return { steps, stranded };
    tried.add(next.host);
    for (const step of candidates(next, cluster, placement, constraints)) {
      placement.move(step.placed, step.to);
      if (
        strandedBy(next.host, byRoom(cluster, placement, constraints), placement, constraints) === undefined
      ) {
        const after = strandedIn(cluster, placement, constraints);
        if (after.length < stranded.length) {
          steps.push(step);
          stranded = after;
          tried.clear();
          break;
        }
      }
      undo([step], placement);
    }
  }
}

/** Single moves that would let the stranded VM start in place of another one, the cheapest first. */
function candidates(
  { host: lost, placed: stranded }: Stranded,
  cluster: string,
  placement: Placement,
  constraints: Constraints,
): Step[] {
  const order = byRoom(cluster, placement, constraints);
  const free = order
    .filter((index) => index !== lost)
    .reduce((sum, index) => sum + roomOf(index, placement, constraints), 0);
  if (free < stranded.vm.maximumBytes) return [];
  return order
    .filter((index) => index !== lost && mayRestart(stranded, index, undefined, placement))
    .slice(0, HOSTS_TRIED)
    .flatMap((index) => {
      const { host, need } = placement.at(index);
      return unitsOn(index, placement, constraints, new Map()).flatMap(([placed, ...more]) => {
        if (placed === undefined || more.length > 0) return [];
        const without = changed(need, [], [placed.vm]);
        return shortageToStart(host, without, stranded.vm, constraints.limits) === undefined
          ? [{ placed, from: index, bytes: costOf([placed.vm], constraints.bandwidth).bytes }]
          : [];
      });
    })
    .sort((a, b) => a.bytes - b.bytes)
    .slice(0, MOVES_TRIED)
    .flatMap(({ placed, from }): Step[] => {
      const to = findTarget([placed], placement, constraints);
      return to === undefined || to === lost ? [] : [{ placed, from, to, why: 'loss of a host' }];
    });
}

function roomOf(index: number, placement: Placement, { limits }: Constraints): number {
  const { host, need } = placement.at(index);
  return Math.max(0, limits.memoryOvercommit * host.memoryBytes - need.maximumBytes);
}
