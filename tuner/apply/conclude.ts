import type { Failure, Work } from './execute.ts';
import { lookAhead } from './look-ahead.ts';
import { boundToNextBoot } from './next-boot.ts';
import type { TransactionOutcome } from './transaction.ts';
import { startUndo, type UndoOptions, undoSteps } from './undo.ts';

/**
 * After the steps: nothing more to do, or everything is undone. `cutOff`: the run was interrupted a while ago, and
 * others may have changed the host since.
 */
export async function concludeTransaction(
  work: Work,
  failure: Failure | undefined,
  { cutOff = false }: Pick<UndoOptions, 'cutOff'> = {},
): Promise<TransactionOutcome> {
  const { journal } = work;
  const { id, notes } = journal.header;
  if (failure === undefined) {
    await journal.releaseReserve();
    return { id, kind: 'committed', failure, remains: [], notes };
  }
  await startUndo(work);
  const { code, message, step, seen, measured } = failure;
  const failed = { event: 'failed', code, message, step, now: seen } as const;
  // A full disk may have room for the reason only, not for the report of an experiment. Even without either, the undo
  // and what it leaves are journalled.
  await journal
    .append({ ...failed, measured })
    .catch(() => (measured === undefined ? undefined : journal.append(failed)))
    .catch(() => undefined);
  return undoTransaction(work, { code, message }, { force: false, cutOff });
}

/** Undoes a transaction, completely or as far as possible. */
export async function undoTransaction(
  work: Work,
  failure: TransactionOutcome['failure'],
  options: Pick<UndoOptions, 'force' | 'cutOff'>,
): Promise<TransactionOutcome> {
  const { remains, notes: found } = await undoSteps(work, {
    ...options,
    ...(await lookAhead(work, options)),
  });
  // If the run was interrupted before its restart, the domain may have booted since, on the definition to be undone.
  const notes = [...found, ...(options.cutOff === true ? await boundToNextBoot(work) : [])];
  const { id } = work.journal.header;
  return { id, kind: remains.length === 0 ? 'undone' : 'incomplete', failure, remains, notes };
}
