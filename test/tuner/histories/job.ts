import { applyLocked, type Trial } from '../../../tuner/apply/apply.ts';
import { applyBatches } from '../../../tuner/apply/apply-batches.ts';
import { type HeldHost, onHost, type RunOptions } from '../../../tuner/apply/host-session.ts';
import { recoverHost } from '../../../tuner/apply/recover.ts';
import { rollbackTransaction } from '../../../tuner/apply/rollback.ts';
import type { Transaction, TransactionOutcome } from '../../../tuner/apply/transaction.ts';
import { bootTrialOf } from '../../../tuner/measure/boots/experiment.ts';
import { makeBootSchedule } from '../../../tuner/measure/boots/schedule.ts';
import { type Experiment, trialOf } from '../../../tuner/measure/experiment.ts';
import { makeSchedule } from '../../../tuner/measure/schedule.ts';

/** What one command changes on a host. Plain data: a process that will be killed reads it from a file. */
export type Job =
  | { readonly kind: 'apply'; readonly transactions: readonly Transaction[] }
  /** One transaction with an experiment, on a clock that only waiting advances; kept, whatever the result. */
  | { readonly kind: 'experiment'; readonly transaction: Transaction }
  | {
      readonly kind: 'rollback';
      readonly id: string;
      readonly restarts: boolean;
      readonly force?: boolean | undefined;
    }
  /** One after another. */
  | { readonly kind: 'rollbacks'; readonly ids: readonly string[] }
  | { readonly kind: 'recover'; readonly hostname: string; readonly how: 'undo' | 'finish' };

/** Does what the command does, and rejects as it does. */
export async function perform(job: Job, options: RunOptions): Promise<TransactionOutcome[]> {
  switch (job.kind) {
    case 'apply':
      return applyAll(job.transactions, options);
    case 'experiment': {
      const { transaction } = job;
      const isByRestarts = transaction.steps.some(({ kind }) => kind === 'restart');
      const trial = isByRestarts ? quickBoots() : quickTrial();
      const run = (held: HeldHost) => applyLocked(held, transaction, options, trial);
      return [await onHost(transaction, options, run)];
    }
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

/** Six pairs of blocks, switched by the coin tosses of this seed. */
const quickTrial = (): Trial => trialOf(quickly(makeSchedule({ pairs: 6, blockMs: 2_000, settleMs: 0 }, 5)));

/** Four boots, so that each arm follows itself and the other. */
function quickBoots(): Trial {
  const schedule = makeBootSchedule({ restarts: 4, blockMs: 2_000, settleMs: 0 }, 5);
  const arms = ['off', 'on', 'on', 'off'] as const;
  return bootTrialOf({ ...quickly({ ...schedule, arms }), controlsOf: () => [] });
}

function quickly<S>(schedule: S): Experiment<S> {
  let nowMs = 0;
  return {
    primary: { name: 'figure', kind: 'gauge', direction: 'lower is better' },
    secondary: [],
    covariates: [],
    guards: [],
    criterion: { margin: 1.05 },
    schedule,
    baselineMs: 2_000,
    everyMs: 1_000,
    keepIf: 'always',
    sample: async () => new Map([['figure', { run: 1, value: 1 }]]),
    clock: {
      nowMs: () => nowMs,
      wait: async (ms) => {
        nowMs += ms;
      },
    },
  };
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
