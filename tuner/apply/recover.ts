import { TunerError } from '../errors.ts';
import { openStateFolder, type StateFolder } from '../journal/folder.ts';
import { Journal } from '../journal/journal.ts';
import { openTransactions, type TransactionRecord } from '../journal/list.ts';
import type { Step } from '../steps/step.ts';
import { unlessStopped } from '../unless-stopped.ts';
import { concludeTransaction, undoTransaction } from './conclude.ts';
import { executeSteps, type Failure, type Work } from './execute.ts';
import { type HeldHost, journalOptions, linked, onHost, type RunOptions } from './host-session.ts';
import { readHostState } from './host-state.ts';
import { LaterChanges } from './later-changes.ts';
import { FINISH_NEXT, reason } from './obstacle.ts';
import { brokenIfFinished } from './outlook.ts';
import { runRollback } from './rollback.ts';
import type { TransactionOutcome } from './transaction.ts';
import { startUndo } from './undo.ts';

export interface RecoverOptions extends RunOptions {
  /** `finish`: continues a transaction that was going forward. `undo`: undoes it. */
  readonly how: 'undo' | 'finish';
  /**
   * Proceeds even where others have changed or claimed something since: neither the resulting state nor later changes
   * are checked.
   */
  readonly force: boolean;
  /** Only transactions that were started through this URI; absent: all of the host. */
  readonly uri?: string | undefined;
  /** Called with each outcome as its transaction ends: a later one may fail. */
  readonly onOutcome?: ((outcome: TransactionOutcome) => void) | undefined;
}

/** Finishes or undoes all transactions that earlier runs left open on a host, newest first. */
export async function recoverHost(hostname: string, options: RecoverOptions): Promise<TransactionOutcome[]> {
  const { stateDir, signal } = options;
  const [newest] = await unlessStopped(signal, async () =>
    toRecover(await openStateFolder(stateDir), hostname, options),
  );
  if (newest === undefined) return [];
  return onHost(newest.header, options, (held) => recoverLocked(held, hostname, options));
}

async function toRecover(
  folder: StateFolder,
  hostname: string,
  { uri }: RecoverOptions,
): Promise<TransactionRecord[]> {
  const open = await openTransactions(folder, hostname);
  return open.filter(({ header }) => uri === undefined || header.uri === uri);
}

/** As `recoverHost`, for a caller that holds the host's lock. */
export async function recoverLocked(
  { folder, lease }: HeldHost,
  hostname: string,
  options: RecoverOptions,
): Promise<TransactionOutcome[]> {
  const outcomes: TransactionOutcome[] = [];
  for (const record of await toRecover(folder, hostname, options)) {
    const stepOf = (index: number): Step | undefined => record.progress.steps[index]?.step;
    const outcome = await linked(
      record.header,
      options,
      async (link) => {
        const journal = await Journal.resume(folder, record.id, journalOptions(options, stepOf));
        try {
          return await recover({ journal, link }, record, options);
        } finally {
          await journal.close();
        }
      },
      lease,
    );
    outcomes.push(outcome);
    options.onOutcome?.(outcome);
  }
  return outcomes;
}

async function recover(
  work: Work,
  record: TransactionRecord,
  options: RecoverOptions,
): Promise<TransactionOutcome> {
  const { journal, link } = work;
  const { how, force, command } = options;
  const { direction, failure } = record.progress;
  if (record.events.some(({ event }) => event === 'rollback'))
    return runRollback(work, { force, cutOff: true });
  if (how === 'finish' && direction === 'back') {
    throw new TunerError(
      'TUNE_INTERRUPTED',
      `transaction ${record.id} was already being undone (${failure?.message ?? 'by recover'}) and cannot be finished; undo the rest with virtune tune recover`,
    );
  }
  // An interrupted run may have asked a guest to shut down; assume that it has.
  for (const { step, progress } of record.progress.steps) {
    const begun = progress.kind === 'undoing' ? progress.before : progress;
    if (step.kind === 'restart' && begun.kind === 'doing') link.shutdowns.set(step.domain.uuid, 'asked');
  }
  if (how === 'finish') {
    await journal.append({ event: 'recover', pid: process.pid, command, how });
    const unsafe = force ? undefined : await whyNotFinished(work);
    return concludeTransaction(work, unsafe ?? (await executeSteps(work)), {
      cutOff: true,
    });
  }
  await startUndo(work);
  await journal.append({ event: 'recover', pid: process.pid, command, how }).catch(() => undefined);
  return undoTransaction(work, failure ?? { code: 'TUNE_INTERRUPTED', message: 'it was interrupted' }, {
    force,
    cutOff: true,
  });
}

/** Why the rest of a run must not be executed: others may have tuned its VMs since, or use the CPUs that it wanted. */
async function whyNotFinished({ journal, link }: Work): Promise<Failure | undefined> {
  const { header, progress } = journal;
  try {
    const others = await LaterChanges.since(link, header);
    for (const { step, progress: made } of progress.steps)
      if ('domain' in step && (made.kind === 'untouched' || made.kind === 'doing'))
        others.checkDomain(step, FINISH_NEXT.proceed);
    const ground = await readHostState(link, header.uri);
    const broken = brokenIfFinished(ground, { header, steps: progress.steps });
    if (broken.length > 0)
      throw new TunerError('TUNE_CHANGED', reason(header, ground.domains, broken, FINISH_NEXT));
    return undefined;
  } catch (error) {
    if (!(error instanceof TunerError)) throw error;
    return { code: error.code, message: `it can no longer be finished: ${error.message}` };
  }
}
