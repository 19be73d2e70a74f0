import { CpuSet } from '../../model/cpu-set.ts';
import { claimsOf } from '../../model/dedicated.ts';
import type { HostTopology } from '../../model/topology.ts';
import type { DomainState } from '../facts/facts.ts';
import { neighboursOf } from '../invariants/violations.ts';
import type { DomainPlan, Plan } from '../plan/plan.ts';
import type { Step } from '../steps/step.ts';
import type { PlanBasis } from './basis.ts';
import { forwardChanges, statesAfter } from './states-after.ts';
import type { Transaction, TransactionDomain } from './transaction.ts';

/** What is done, or not done, as a whole: one transaction. */
interface Part {
  readonly domains: readonly DomainPlan[];
  readonly steps: readonly Step[];
}

/**
 * A plan in parts as small as they can be: the host's own steps, then one for each domain. With one domain only, all
 * of it is one part.
 */
function partsOf(plan: Plan, groups: readonly (readonly DomainPlan[])[]): Part[] {
  const { hostPlan } = plan;
  // What is grown for one VM alone goes back with it.
  if (groups.length <= 1) return [wholeOf(plan, groups)];
  return [
    ...(hostPlan.steps.length === 0 ? [] : [{ domains: [], steps: hostPlan.steps }]),
    ...groups.map((group) => ({ domains: group, steps: group.flatMap(({ steps }) => steps) })),
  ];
}

export interface TransactionOptions {
  /** As it was typed. */
  readonly command: string;
  /** All of the plan in one transaction: a failure undoes all of it. */
  readonly together: boolean;
  /** What the plan looked at. */
  readonly basis: PlanBasis;
}

/** The plan's transactions in the order in which they are applied. With several, each has its number after the plan's id. */
export function transactionsOf(plan: Plan, { command, together, basis }: TransactionOptions): Transaction[] {
  const groups = safeOrder(plan);
  const parts = together ? [wholeOf(plan, groups)] : partsOf(plan, groups);
  const { uri, hostname } = plan.host;
  return parts.map((part, index) => ({
    id: parts.length === 1 ? plan.id : `${plan.id}-${String(index + 1).padStart(4, '0')}`,
    uri,
    hostname,
    command,
    domains: part.domains.map(({ state, profile }) => transactionDomain(state, profile.name)),
    steps: part.steps,
    notes: waitingNotes(part),
    basis,
  }));
}

/** A domain as its plan saw it. */
export function transactionDomain(
  { domain, live, inactive }: DomainState,
  profile: string | undefined,
): TransactionDomain {
  return {
    domain: { uuid: domain.uuid, name: domain.name },
    profile,
    live: live?.xml,
    inactive: inactive?.xml,
  };
}

/** Of domains that are not restarted: how many settings wait for their next boot. */
function waitingNotes({ domains }: Part): string[] {
  return domains
    .filter(({ needsRestart, steps }) => needsRestart && !steps.some(({ kind }) => kind === 'restart'))
    .map(({ state, rows }) => {
      const boot = rows.filter(({ verdict }) => verdict.kind === 'boot').length;
      return `${JSON.stringify(state.domain.name)}: ${boot} settings wait for its next boot; apply --restart brings them at once`;
    });
}

/** The whole plan as one part, its domains in the same order. */
function wholeOf({ hostPlan, domains }: Plan, groups: readonly (readonly DomainPlan[])[]): Part {
  return {
    domains,
    steps: [...hostPlan.steps, ...groups.flatMap((group) => group.flatMap(({ steps }) => steps))],
  };
}

/**
 * The domains that change, in the order in which they do, within one transaction or over several. A run may be killed
 * between any two steps, so the state after each of them has to be safe:
 *
 * 1. A domain that leaves CPUs comes before the one that is to have them, running or at its next boot.
 * 2. VMs that share CPUs come before those that get some to themselves: no floating VM is on CPUs that were just dedicated.
 * 3. Within a domain pins come before the definition, and a restart after it (`inValidOrder`): a real-time class or a hint
 *    to the guest starts only in its place.
 *
 * The way back is the reverse (`backOrder`), and so passes the same states. Where domains swap CPUs they are one group.
 */
function safeOrder({ domains, host }: Plan): DomainPlan[][] {
  const changed = domains
    .filter(({ steps }) => steps.length > 0)
    .toSorted((a, b) => rank(a) - rank(b))
    .map((plan) => ({ plan, ...occupancyOf(plan, host.topology) }));
  const groups = inDependencyOrder(changed, (one) =>
    changed.filter((other) => other !== one && takesPlaceOf(one, other)),
  );
  return groups.map((group) => group.map(({ plan }) => plan));
}

const rank = ({ assignment }: DomainPlan): number => (assignment?.kind === 'dedicated' ? 1 : 0);

/** CPUs that a domain has, running or at its next boot. */
interface Cpus {
  /** That its threads have nowhere else to go from. */
  readonly claimed: CpuSet;
  /** That its vCPUs have to themselves. */
  readonly owned: CpuSet;
}

interface Occupancy {
  readonly now: Cpus;
  readonly after: Cpus;
}

function occupancyOf({ state, steps }: DomainPlan, topology: HostTopology): Occupancy {
  const [after = state] = statesAfter([state], forwardChanges(steps));
  return { now: cpusOf(state, topology), after: cpusOf(after, topology) };
}

function cpusOf(state: DomainState, topology: HostTopology): Cpus {
  const [neighbour] = neighboursOf([state], topology);
  const owned = [state.live, state.inactive].flatMap((view) =>
    view === undefined ? [] : [...claimsOf(view.facts.cpu, topology).vcpus],
  );
  return { claimed: neighbour?.pinned ?? CpuSet.empty, owned: CpuSet.of(owned) };
}

/** Whether `one` is to have CPUs that `other` has now and will leave, and either wants them alone. */
function takesPlaceOf({ after: one }: Occupancy, { now, after }: Occupancy): boolean {
  const both = one.owned.intersection(now.claimed).union(one.claimed.intersection(now.owned));
  return both.difference(after.claimed).size > 0;
}

/** Each after those that it waits for; those that wait for each other in one group (Tarjan's components). */
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
