import { CallAbandonedError, RemoteError } from '../../libvirt/errors.ts';
import { applyLocked } from '../apply/apply.ts';
import { onHost, type RunOptions } from '../apply/host-session.ts';
import { transactionDomain } from '../apply/split-plan.ts';
import type { Transaction, TransactionOutcome } from '../apply/transaction.ts';
import type { Tuned } from '../drift/plan-tuned.ts';
import { TunerError } from '../errors.ts';
import { type DomainPlan, markOf } from '../plan/plan.ts';
import type { Pauses } from './pauses.ts';
import { stepsToRestore } from './steps-to-restore.ts';

export interface RestoreOptions extends RunOptions {
  /** Called with the domains that are about to be restored, if there are any. */
  readonly onBegin: (domains: readonly DomainPlan[]) => void;
  readonly onOutcome: (outcome: TransactionOutcome) => void;
  /** A domain whose restore could not be started, and why; nothing of it was touched. */
  readonly onRefused: (domain: DomainPlan, error: Error) => void;
}

/**
 * Restores what domains have lost, each in a separate transaction: one that fails does not block the others.
 *
 * @returns in how many ms to look again at those that were not due or failed; undefined if there are none.
 *
 * Rejects with what blocks all domains: TunerError TUNE_LOCKED, TUNE_INTERRUPTED (a transaction is open) or
 * TUNE_JOURNAL, and why libvirt cannot be reached.
 */
export async function restoreLost(
  tuned: Tuned,
  pauses: Pauses,
  options: RestoreOptions,
): Promise<number | undefined> {
  const { signal, onBegin, onOutcome, onRefused } = options;
  const lost = tuned.domains.filter((domain) => stepsToRestore(domain).length > 0);
  const due = pauses.due(lost);
  if (due.length === 0) return pauses.nextMs(lost);
  onBegin(due);
  const restored = new Set<DomainPlan>();
  await onHost(tuned.host, options, async (held) => {
    for (const [index, domain] of due.entries()) {
      if (signal?.aborted === true) return;
      try {
        const id = due.length === 1 ? tuned.id : `${tuned.id}-${String(index + 1).padStart(4, '0')}`;
        const outcome = await applyLocked(held, restoration(tuned, domain, id, options), options);
        onOutcome(outcome);
        if (outcome.failure === undefined) restored.add(domain);
      } catch (error) {
        if (!isOfOneDomain(error)) throw error;
        onRefused(domain, error);
      } finally {
        pauses.tried(domain);
      }
    }
  });
  return pauses.nextMs(lost.filter((domain) => !restored.has(domain)));
}

/**
 * It depends on nothing of the host but the domain itself: what it sets is in the definition, so other plans already
 * account for it, and other domains may start and stop at the same time.
 */
function restoration(
  { host: { uri, hostname } }: Tuned,
  domain: DomainPlan,
  id: string,
  { command }: RunOptions,
): Transaction {
  const { state, profile } = domain;
  return {
    id,
    kind: 'restore',
    uri,
    hostname,
    command,
    domains: [transactionDomain(state, profile.name)],
    steps: stepsToRestore(domain),
    notes: [],
    hostCpus: markOf(state)?.hostCpus,
  };
}

/** The domain has changed since it was read, or libvirt refused a call about it or did not answer. */
function isOfOneDomain(error: unknown): error is Error {
  return (
    (error instanceof TunerError && error.code === 'TUNE_CHANGED') ||
    error instanceof RemoteError ||
    error instanceof CallAbandonedError
  );
}
