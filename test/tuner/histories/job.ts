import { applyBatches } from '../../../tuner/apply/apply-batches.ts';
import { onHost, type RunOptions } from '../../../tuner/apply/host-session.ts';
import { recoverHost } from '../../../tuner/apply/recover.ts';
import { rollbackTransaction } from '../../../tuner/apply/rollback.ts';
import type { Transaction, TransactionOutcome } from '../../../tuner/apply/transaction.ts';

/** What one command changes on a host. Plain data: a process that will be killed gets it in a file. */
export type Job =
  | { readonly kind: 'apply'; readonly transactions: readonly Transaction[] }
  | {
      readonly kind: 'rollback';
      readonly id: string;
      readonly restarts: boolean;
      readonly force?: boolean | undefined;
    }
  /** One after the other. */
  | { readonly kind: 'rollbacks'; readonly ids: readonly string[] }
  | { readonly kind: 'recover'; readonly hostname: string; readonly how: 'undo' | 'finish' };

/** As the command does it. Rejects as the command does. */
export async function perform(job: Job, options: RunOptions): Promise<TransactionOutcome[]> {
  switch (job.kind) {
    case 'apply':
      return applyAll(job.transactions, options);
    case 'rollback': {
      const { id, restarts, force = false } = job;
      return [await rollbackTransaction(id, { ...options, restarts, force })];
    }
    case 'rollbacks': {
      const outcomes: TransactionOutcome[] = [];
      for (const id of job.ids) {
        outcomes.push(await rollbackTransaction(id, { ...options, restarts: true, force: false }));
      }
      return outcomes;
    }
    case 'recover':
      return recoverHost(job.hostname, { ...options, how: job.how, force: false });
  }
}

async function applyAll(
  transactions: readonly Transaction[],
  options: RunOptions,
): Promise<TransactionOutcome[]> {
  const [first] = transactions;
  if (first === undefined) return [];
  const { outcomes, stopped } = await onHost(first, options, (held) =>
    applyBatches(held, transactions, {
      ...options,
      canary: 0,
      batch: transactions.length,
      pauseMs: 0,
      sleep: async () => undefined,
      onOutcome: () => undefined,
    }),
  );
  if (stopped !== undefined) throw stopped;
  return outcomes.map(({ outcome }) => outcome);
}
