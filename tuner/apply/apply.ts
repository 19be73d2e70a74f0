import { TunerError } from '../errors.ts';
import { brokenOnHost, knownViolation } from '../invariants/violations.ts';
import type { StateFolder } from '../journal/folder.ts';
import { Journal } from '../journal/journal.ts';
import { openTransactions, pruneTransactions } from '../journal/list.ts';
import { JOURNAL_FORMAT, type JournalHeader } from '../journal/records.ts';
import { liveSettingOf } from '../steps/live-settings/all.ts';
import type { Step } from '../steps/step.ts';
import { concludeTransaction } from './conclude.ts';
import { readBootId } from './ended-on-host.ts';
import { executeSteps, type Failure, failureOf, type Work } from './execute.ts';
import type { HostLink } from './host-link.ts';
import { type HeldHost, journalOptions, linked, onHost, type RunOptions } from './host-session.ts';
import { checkHostState, checkOthers, type HostState } from './host-state.ts';
import { inValidOrder } from './order.ts';
import { hostAsPlanned } from './outlook.ts';
import { checkPreconditions, savedImageNotes } from './preconditions.ts';
import type { Transaction, TransactionOutcome } from './transaction.ts';

/**
 * Applies a transaction completely or not at all: a failure, a stop, or a change of the host in between undoes what was
 * done, and the outcome says so.
 *
 * Rejects, with nothing touched, with TunerError TUNE_LOCKED, TUNE_INTERRUPTED (another transaction is open),
 * TUNE_CHANGED (something that its plan looked at has changed) or TUNE_JOURNAL, or when libvirt cannot be reached.
 */
export async function applyTransaction(
  transaction: Transaction,
  options: RunOptions,
): Promise<TransactionOutcome> {
  return onHost(transaction, options, (held) => applyLocked(held, transaction, options));
}

/**
 * Runs after the journal is created and before the steps: an experiment with these steps. With `failure` all of it is
 * undone; otherwise every step is executed. A rejection undoes everything too.
 */
export type Trial = (work: Work) => Promise<{ readonly failure?: Failure; readonly measured: unknown }>;

/** As `applyTransaction`, for a caller that holds the host. */
export async function applyLocked(
  held: HeldHost,
  transaction: Transaction,
  options: RunOptions,
  trial: Trial = async () => ({ measured: undefined }),
): Promise<TransactionOutcome> {
  const { folder, lease } = held;
  await refuseIfOpen(folder, transaction.hostname);
  const run = async (link: HostLink): Promise<TransactionOutcome> => {
    const ground = await checkHostState(link, transaction);
    await checkPreconditions(link, transaction.domains);
    const header = await headerOf(transaction, options, link, ground);
    const stepOf = (index: number): Step | undefined => header.steps[index];
    const journal = await Journal.create(folder, header, journalOptions(options, stepOf));
    try {
      const stillFree = () => (lease.kind === 'none' ? checkOthers(link, transaction) : Promise.resolve());
      const work: Work = { journal, link };
      const { failure, measured } = await trial(work).catch((error: unknown) => ({
        failure: failureOf(error),
        measured: undefined,
      }));
      return await concludeTransaction(
        work,
        failure === undefined ? await executeSteps(work, stillFree, measured) : { ...failure, measured },
      );
    } finally {
      await journal.close();
      // A leftover old journal does not make the run a failure.
      await pruneTransactions(folder).catch(() => undefined);
    }
  };
  return linked({ ...transaction, domains: [...transaction.domains] }, options, run, lease);
}

/** @throws TunerError TUNE_INTERRUPTED when an earlier run left something half done. */
export async function refuseIfOpen(folder: StateFolder, hostname: string): Promise<void> {
  const [open] = await openTransactions(folder, hostname);
  if (open === undefined) return;
  const finish =
    open.progress.direction === 'back' ? '' : ', or finish it with virtune tune recover --finish';
  throw new TunerError(
    'TUNE_INTERRUPTED',
    `transaction ${open.id} (${JSON.stringify(open.header.command)}) was interrupted or could not be undone completely; undo the rest with virtune tune recover${finish}`,
  );
}

async function headerOf(
  { id, uri, hostname, command, kind, domains, steps, notes, hostCpus }: Transaction,
  { now, version }: RunOptions,
  link: HostLink,
  ground: HostState | undefined,
): Promise<JournalHeader> {
  return {
    format: JOURNAL_FORMAT,
    id,
    at: now().toISOString(),
    version,
    command,
    kind,
    uri,
    hostname,
    bootId: readBootId(link.local?.procRoot),
    domains: [...domains],
    steps: await ordered(link, steps),
    violations:
      ground && brokenOnHost(hostAsPlanned(ground.host, { hostCpus }), ground.domains).map(knownViolation),
    hostCpus,
    notes: [...notes, ...(await savedImageNotes(link, domains))],
  };
}

/** Page pools grow before domains start on them, and shrink after the domains have left them. */
async function ordered(link: HostLink, steps: readonly Step[]): Promise<Step[]> {
  const shrinking = new Set<Step>();
  for (const step of steps) {
    if (step.kind !== 'hostPages') continue;
    const now = await liveSettingOf(step).get(link, step);
    if (typeof now === 'number' && step.to < now) shrinking.add(step);
  }
  return inValidOrder(steps, (step) => shrinking.has(step));
}
