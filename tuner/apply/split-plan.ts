import type { DomainState } from '../facts/facts.ts';
import type { DomainPlan, Plan } from '../plan/plan.ts';
import type { Step } from '../steps/step.ts';
import type { PlanBasis } from './plan-basis.ts';
import { safeOrder } from './safe-order.ts';
import type { Transaction, TransactionDomain } from './transaction.ts';

/** Applied or undone as a whole: one transaction. */
interface Part {
  readonly domains: readonly DomainPlan[];
  readonly steps: readonly Step[];
}

/**
 * A plan in the smallest possible parts: the host's steps, then one for each domain, or group that swaps CPUs. If there
 * is only one, all of it is one part.
 */
function partsOf(plan: Plan, groups: readonly (readonly DomainPlan[])[]): Part[] {
  const { hostPlan } = plan;
  // What is grown for a single VM is undone with it.
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

/** The plan's transactions in order of application. If there are several, each id is the plan's plus a number. */
export function transactionsOf(plan: Plan, { command, together, basis }: TransactionOptions): Transaction[] {
  const groups = safeOrder(plan);
  const parts = together ? [wholeOf(plan, groups)] : partsOf(plan, groups);
  const { uri, hostname, hostCpus } = plan.host;
  return parts.map((part, index) => ({
    id: parts.length === 1 ? plan.id : `${plan.id}-${String(index + 1).padStart(4, '0')}`,
    uri,
    hostname,
    command,
    domains: part.domains.map(({ state, profile }) => transactionDomain(state, profile.name)),
    steps: part.steps,
    notes: waitingNotes(part),
    basis,
    hostCpus: hostCpus?.toString(),
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

/** For domains that are not restarted: how many settings wait for their next boot. */
function waitingNotes({ domains }: Part): string[] {
  return domains
    .filter(({ needsRestart, steps }) => needsRestart && !steps.some(({ kind }) => kind === 'restart'))
    .map(({ state, rows }) => {
      const boot = rows.filter(({ verdict }) => verdict.kind === 'boot').length;
      return `${JSON.stringify(state.domain.name)}: ${boot} settings are pending until its next boot; apply --restart applies them now`;
    });
}

/** The whole plan as one part: steps in a safe order; all domains, also without steps, in the plan's order. */
function wholeOf({ hostPlan, domains }: Plan, groups: readonly (readonly DomainPlan[])[]): Part {
  return {
    domains,
    steps: [...hostPlan.steps, ...groups.flatMap((group) => group.flatMap(({ steps }) => steps))],
  };
}
