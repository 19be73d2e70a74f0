import type { Violation } from '../invariants/violations.ts';
import { type DomainPlan, markOf } from '../plan/plan.ts';
import type { Row } from '../plan/verdict.ts';

/** The state of a setting, compared with what its domain's profile wants. */
export type Standing =
  /** In place in the running domain and for the next boot. */
  | 'held'
  /** Takes effect at the next boot; only a boot can apply it. */
  | 'waits'
  /** The running domain has another value, and could have this one. */
  | 'run'
  /** The next boot would use another value. */
  | 'definition'
  /** This host, libvirt or QEMU does not support it. */
  | 'unsupported';

export interface Drift {
  readonly plan: DomainPlan;
  readonly rows: readonly { readonly row: Row; readonly standing: Standing }[];
  /** How many settings have drifted: `run` or `definition`. */
  readonly count: number;
  /** How many settings wait for a boot. */
  readonly waiting: number;
  /** Violated invariants of any domain (docs/tuning.md), although its profile is in place. */
  readonly unsafe: readonly Violation[];
  /** The profile has changed since the domain was tuned with it. */
  readonly profileChanged: boolean;
}

/** Whether the domain needs the operator's attention. */
export function needsAttention({ count, unsafe }: Drift): boolean {
  return count > 0 || unsafe.length > 0;
}

/** Reads a plan for the current state of a domain as its drift: what differs from the profile. */
export function driftOf(plan: DomainPlan): Drift {
  const rows = plan.rows.map((row) => ({ row, standing: standingOf(row) }));
  const mark = markOf(plan.state);
  return {
    plan,
    rows,
    count: rows.filter(({ standing }) => standing === 'run' || standing === 'definition').length,
    unsafe: plan.violations.filter(({ level }) => level === 'refuse'),
    waiting: rows.filter(({ standing }) => standing === 'waits').length,
    profileChanged:
      mark !== undefined && mark.profile === plan.profile.name && mark.version !== plan.profile.version,
  };
}

function standingOf({ nextHolds, verdict }: Row): Standing {
  switch (verdict.kind) {
    case 'same':
      return 'held';
    case 'impossible':
    case 'guest':
      return 'unsupported';
    case 'live':
      return nextHolds ? 'run' : 'definition';
    case 'boot':
      return nextHolds ? 'waits' : 'definition';
  }
}
