import type { Violation } from '../invariants/violations.ts';
import { type DomainPlan, markOf } from '../plan/plan.ts';
import type { Row } from '../plan/verdict.ts';

/** How a setting is, beside what its domain's profile wants. */
export type Standing =
  /** In what runs and in what the next boot takes. */
  | 'held'
  /** The next boot will take it; only a boot can bring it. */
  | 'waits'
  /** The running domain has something else, and could have this. */
  | 'run'
  /** The next boot would take something else. */
  | 'definition'
  /** This host, libvirt or QEMU does not support it. */
  | 'unsupported';

export interface Drift {
  readonly plan: DomainPlan;
  readonly rows: readonly { readonly row: Row; readonly standing: Standing }[];
  /** What has drifted: `run` or `definition`. */
  readonly count: number;
  /** How many settings wait for a boot. */
  readonly waiting: number;
  /** What it breaks of what must hold in any domain (docs/tuning.md), although its profile is in place. */
  readonly unsafe: readonly Violation[];
  /** The profile says something else than when the domain was tuned by it. */
  readonly profileChanged: boolean;
}

/** Whether somebody has to look at the domain. */
export function needsAttention({ count, unsafe }: Drift): boolean {
  return count > 0 || unsafe.length > 0;
}

/** A plan for a domain as it stands, read as: what is not as the profile wants it. */
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
