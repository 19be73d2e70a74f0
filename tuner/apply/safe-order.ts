import { CpuSet } from '../../model/cpu-set.ts';
import { claimsOf } from '../../model/dedicated.ts';
import type { DomainState, DomainView, HostFacts } from '../facts/facts.ts';
import { exclusiveCpus } from '../invariants/cpus.ts';
import { neighboursOf } from '../invariants/violations.ts';
import type { DomainPlan, Plan } from '../plan/plan.ts';
import { forwardChanges, statesAfter } from './states-after.ts';

/**
 * The order in which domains change, within one transaction or over several. A run may be killed between any two steps,
 * so the state after each of them has to be safe:
 *
 * 1. A domain that leaves CPUs comes before the one that gets them, running or at its next boot.
 * 2. VMs that share CPUs come before those that get dedicated ones: no floating VM is on CPUs that were just dedicated.
 * 3. Within a domain pins come before the definition, and a restart after it (`inValidOrder`): a real-time class or a
 *    hint to the guest starts only once the pins are in place.
 *
 * An undo is the reverse (`undoOrder`), and so passes the same states. Domains that swap CPUs have no such order: they
 * are one group, and halfway through it both may be on the same CPUs.
 */
export function safeOrder({ domains, host }: Plan): DomainPlan[][] {
  const changed = domains
    .filter(({ steps }) => steps.length > 0)
    .toSorted((a, b) => rank(a) - rank(b))
    .map((plan) => ({ plan, ...occupancyOf(plan, host) }));
  const groups = inDependencyOrder(changed, (one) =>
    changed.filter((other) => other !== one && takesPlaceOf(one, other, 'owned')),
  );
  // A group may also hold domains that only change how they share CPUs: exclusive CPUs decide the order in it.
  const ordered = (group: typeof changed): typeof changed =>
    inDependencyOrder(group, (one) =>
      group.filter((other) => other !== one && takesPlaceOf(one, other, 'exclusive')),
    ).flat();
  return groups.map((group) => ordered(group).map(({ plan }) => plan));
}

const rank = ({ assignment }: DomainPlan): number => (assignment?.kind === 'dedicated' ? 1 : 0);

/** CPUs of a domain, running or at its next boot. */
interface Cpus {
  /** CPUs that its threads are confined to. */
  readonly claimed: CpuSet;
  /** Dedicated to its vCPUs. */
  readonly owned: CpuSet;
  /** CPUs that no other domain may use. */
  readonly exclusive: CpuSet;
}

interface Occupancy {
  readonly now: Cpus;
  readonly after: Cpus;
}

function occupancyOf({ state, steps }: DomainPlan, host: HostFacts): Occupancy {
  const [after = state] = statesAfter([state], forwardChanges(steps));
  return { now: cpusOf(state, host), after: cpusOf(after, host) };
}

function cpusOf(state: DomainState, host: HostFacts): Cpus {
  const views = [state.live, state.inactive].filter((view) => view !== undefined);
  const union = (of: (view: DomainView) => CpuSet): CpuSet =>
    views.reduce((all, view) => all.union(of(view)), CpuSet.empty);
  return {
    claimed: neighboursOf([state], host.topology)[0]?.pinned ?? CpuSet.empty,
    owned: union(({ facts }) => claimsOf(facts.cpu, host.topology).vcpus),
    exclusive: union(({ root, facts }) =>
      exclusiveCpus({ root, facts, host, hostCpus: undefined, others: [] }),
    ),
  };
}

/** Whether `one` gets CPUs that `other` leaves, or only shares from then on, and either needs them alone. */
function takesPlaceOf(
  { after: one }: Occupancy,
  { now, after }: Occupancy,
  alone: 'owned' | 'exclusive',
): boolean {
  const disputed = (other: Cpus): CpuSet =>
    one[alone].intersection(other.claimed).union(one.claimed.intersection(other[alone]));
  return disputed(now).difference(disputed(after)).size > 0;
}

/** Each after those that it waits for; ones that wait for each other are one group (Tarjan's components). */
function inDependencyOrder<T>(all: readonly T[], waitsFor: (one: T) => readonly T[]): T[][] {
  const groups: T[][] = [];
  const seen = new Map<T, { index: number; low: number; open: boolean }>();
  const stack: T[] = [];
  const visit = (one: T): { index: number; low: number; open: boolean } => {
    const mine = { index: seen.size, low: seen.size, open: true };
    seen.set(one, mine);
    stack.push(one);
    for (const other of waitsFor(one)) {
      const theirs = seen.get(other) ?? visit(other);
      if (theirs.open) mine.low = Math.min(mine.low, theirs.low);
    }
    if (mine.low === mine.index) {
      const group = stack.splice(stack.indexOf(one));
      for (const each of group) (seen.get(each) as { open: boolean }).open = false;
      groups.push(all.filter((each) => group.includes(each)));
    }
    return mine;
  };
  for (const one of all) if (!seen.has(one)) visit(one);
  return groups;
}
