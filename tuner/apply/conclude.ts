import type { Failure, Work } from './execute.ts';
import { lookAhead } from './look-ahead.ts';
import { boundToNextBoot } from './next-boot.ts';
import type { TransactionOutcome } from './transaction.ts';
import { startUndo, type UndoOptions, undoSteps } from './undo.ts';

/**
 * After the way forward: nothing more to do, or all of it back. `cutOff`: the run was cut off a while ago, and others may
 * have worked on the host since.
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
  // A full disk may have no room for the report of an experiment, but for the reason. Without that too the way back is
  // journalled all the same, and so is what it leaves.
  await journal
    .append({ ...failed, measured })
    .catch(() => (measured === undefined ? undefined : journal.append(failed)))
    .catch(() => undefined);
  return undoTransaction(work, { code, message }, { force: false, cutOff });
}

/** The way back, to its end or as far as it goes. */
export async function undoTransaction(
  work: Work,
  failure: TransactionOutcome['failure'],
  options: Pick<UndoOptions, 'force' | 'cutOff'>,
): Promise<TransactionOutcome> {
  const { remains, notes: found } = await undoSteps(work, {
    ...options,
    ...(await lookAhead(work, options)),
  });
  // One that was cut off before its restart may have been booted since, on the definition that was to be taken back.
  const notes = [...found, ...(options.cutOff === true ? await boundToNextBoot(work) : [])];
  const { id } = work.journal.header;
  return { id, kind: remains.length === 0 ? 'undone' : 'incomplete', failure, remains, notes };
}
