import type { DomainPlan } from '../plan/plan.ts';
import type { Step } from '../steps/step.ts';

/**
 * What a running domain has lost and can regain without a boot. Only what its definition still has: if that was
 * changed, the change was intended, and `drift` shows it.
 */
export function stepsToRestore(plan: DomainPlan): Step[] {
  return plan.rows.flatMap(({ verdict, nextHolds }) =>
    verdict.kind === 'live' && nextHolds ? verdict.steps : [],
  );
}
