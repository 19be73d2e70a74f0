import { ErrorCode } from '../libvirt/constants.ts';
import { type MissingGroup, missingGroups } from '../model/missing.ts';
import type { DomainSample, Outcome } from './host-sample.ts';

/** Groups that were asked for but have no figures for this domain, and why. */
export function missingOf(
  { domain, summary, facts, outcome, local, guest, drift }: DomainSample,
  groups: ReadonlySet<string>,
): readonly MissingGroup[] {
  const missing = missingGroups({
    groups,
    active: domain.id !== -1,
    state: summary.state,
    outcome: isDenied(outcome) ? 'denied' : outcome.kind,
    stats: outcome.kind === 'fresh' ? outcome.stats : undefined,
    facts,
  });
  // A VM that was not tuned has no profile to differ from.
  const unchecked = facts?.tuned === undefined ? undefined : drift?.missing;
  return [
    ...missing,
    ...(local?.missing ?? []),
    ...(guest?.missing ?? []),
    ...(unchecked === undefined ? [] : [{ group: 'drift', reason: unchecked }]),
  ];
}

function isDenied(outcome: Outcome): boolean {
  if (outcome.kind !== 'error') return false;
  // Not instanceof RemoteError: a recording has only the fields of such an error.
  const { libvirtCode } = outcome.error as { libvirtCode?: unknown };
  return libvirtCode === ErrorCode.operationDenied || libvirtCode === ErrorCode.accessDenied;
}
