import { CpuSet } from '../../model/cpu-set.ts';
import type { DomainState } from '../facts/facts.ts';
import type { DomainPlan, Plan } from '../plan/plan.ts';
import type { Step } from '../steps/step.ts';
import type { PlanBasis } from './basis.ts';
import type { Transaction, TransactionDomain } from './transaction.ts';

/** What is done, or not done, as a whole: one transaction. */
interface Part {
  readonly domains: readonly DomainPlan[];
  readonly steps: readonly Step[];
}

/**
 * A plan in parts as small as they can be: the host's own steps, then one for each domain. With one domain only, all
 * of it is one part.
 *
 * A domain that is to have CPUs that another one is pinned to now, and leaves in this plan, comes after it; where two
 * swap places they are one part, so that neither is ever left on CPUs that are also the other's. VMs that share CPUs
 * come before those that get some to themselves: no part leaves a floating VM on CPUs that were just dedicated.
 */
function partsOf(plan: Plan): Part[] {
  const { hostPlan, domains, host } = plan;
  const changed = domains.filter(({ steps }) => steps.length > 0);
  const inOrder = changed.toSorted((a, b) => rank(a) - rank(b));
  const waitsFor = (one: DomainPlan): DomainPlan[] =>
    inOrder.filter((other) => other !== one && takesPlaceOf(one, other, host.online));
  const groups = inDependencyOrder(inOrder, waitsFor);
  // What is grown for one VM alone goes back with it.
  if (groups.length <= 1) return [wholeOf(plan)];
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
  const parts = together ? [wholeOf(plan)] : partsOf(plan);
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

/** The whole plan as one part. */
function wholeOf({ hostPlan, domains }: Plan): Part {
  return { domains, steps: [...hostPlan.steps, ...domains.flatMap(({ steps }) => steps)] };
}

const rank = ({ assignment }: DomainPlan): number => (assignment?.kind === 'dedicated' ? 1 : 0);

/** Whether `one` is to have CPUs that `other` is pinned to now and will leave, and either wants them alone. */
function takesPlaceOf(one: DomainPlan, other: DomainPlan, online: CpuSet): boolean {
  if (one.assignment === undefined) return false;
  const now = pinnedTo(other, online);
  const alone = one.assignment.kind === 'dedicated' || now.alone;
  const wanted = CpuSet.of(one.assignment.vcpus.flatMap((cpus) => [...cpus]));
  if (!alone || wanted.intersection(now.cpus).size === 0) return false;
  const later = other.assignment?.vcpus ?? [];
  return !later.some((cpus) => cpus.intersection(wanted).size > 0);
}

/** Where its vCPUs are pinned now, running or at its next boot; a pin to every CPU is none. */
function pinnedTo({ state }: DomainPlan, online: CpuSet): { readonly cpus: CpuSet; readonly alone: boolean } {
  const pins = [state.live, state.inactive]
    .flatMap((view) => [...(view?.facts.cpu.vcpuPins.values() ?? [])])
    .filter((cpus) => !online.isSubsetOf(cpus));
  return {
    cpus: CpuSet.of(pins.flatMap((cpus) => [...cpus])),
    alone: pins.some((cpus) => cpus.size === 1),
  };
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
