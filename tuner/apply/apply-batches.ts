import { TunerError } from '../errors.ts';
import { findRun } from '../steps/domain-run.ts';
import { applyLocked } from './apply.ts';
import { type HeldHost, linked, type RunOptions } from './host-session.ts';
import { readBasis } from './host-state.ts';
import { withOwnChanges } from './plan-basis.ts';
import type { Transaction, TransactionDomain, TransactionOutcome } from './transaction.ts';

export interface BatchOptions extends RunOptions {
  /** So many transactions come first, alone; 0: none do. */
  readonly canary: number;
  /** So many are made between two pauses. */
  readonly batch: number;
  readonly pauseMs: number;
  /** Asked after the canaries, before the rest; false ends it there. */
  readonly goOn?: ((done: number, left: number) => Promise<boolean>) | undefined;
  /** What became of each as it ends. */
  readonly onOutcome: (outcome: TransactionOutcome, transaction: Transaction) => void;
  /** Abortable. */
  readonly sleep: (ms: number) => Promise<void>;
}

/** What has become of a run of several transactions. */
export interface RunResult {
  readonly outcomes: readonly { readonly outcome: TransactionOutcome; readonly transaction: Transaction }[];
  /** Never begun, in their order. */
  readonly notTried: readonly Transaction[];
  /** Why it ended before all were tried, where that was not the last outcome's failure. */
  readonly stopped: TunerError | undefined;
}

/**
 * Transactions one after the other, each done as a whole or undone as a whole: the first that fails ends the run, and
 * what was done and proved before it stays. Each looks first whether all that the plan looked at is as it was, but for
 * what this run has changed itself.
 *
 * Rejects as `applyLocked` while nothing has been applied; later the result says why it stopped.
 */
export async function applyBatches(
  held: HeldHost,
  transactions: readonly Transaction[],
  options: BatchOptions,
): Promise<RunResult> {
  const outcomes: { outcome: TransactionOutcome; transaction: Transaction }[] = [];
  let basis = transactions[0]?.basis;
  const ended = (stopped?: TunerError): RunResult => ({
    outcomes,
    notTried: transactions.slice(outcomes.length),
    stopped,
  });
  for (const [index, each] of transactions.entries()) {
    try {
      if (index > 0) {
        const going = await between(transactions, index, options);
        if (!going) return ended(new TunerError('TUNE_STOPPED', 'interrupted after the canaries'));
      }
      const transaction = { ...each, basis };
      const outcome = await applyLocked(held, transaction, options);
      outcomes.push({ outcome, transaction });
      options.onOutcome(outcome, transaction);
      if (outcome.kind !== 'committed') return ended();
      if (basis !== undefined && index < transactions.length - 1) {
        const before = basis;
        const own = each.domains.map(({ domain }) => domain.uuid);
        basis = await linked({ ...each, domains: [] }, options, async (link) =>
          withOwnChanges(before, await readBasis(link, each.uri), own),
        );
      }
    } catch (error) {
      if (outcomes.length === 0) throw error;
      if (error instanceof TunerError) return ended(error);
      return ended(new TunerError('TUNE_STEP', (error as Error).message, { cause: error }));
    }
  }
  return ended();
}

/** Between two transactions: a stop is heard, and at the end of a batch it is waited and looked at what was done. */
async function between(
  transactions: readonly Transaction[],
  index: number,
  options: BatchOptions,
): Promise<boolean> {
  const { canary, batch, pauseMs, sleep, goOn, onSay } = options;
  throwIfStopped(options);
  // The host's own steps, where there are some, are nobody's canary.
  const done = transactions.slice(0, index).filter(({ domains }) => domains.length > 0).length;
  const afterCanaries = canary > 0 && done === canary;
  if (!afterCanaries && !(done > canary && (done - canary) % batch === 0)) return true;
  if (pauseMs > 0) {
    onSay?.(`${done} done, ${transactions.length - index} left; pausing for ${pauseMs / 1_000} s`);
    await sleep(pauseMs);
    throwIfStopped(options);
  }
  await checkStillUp(transactions.slice(0, index), options);
  if (!afterCanaries || goOn === undefined) return true;
  return goOn(done, transactions.length - index);
}

function throwIfStopped({ signal }: RunOptions): void {
  if (signal?.aborted === true) throw new TunerError('TUNE_STOPPED', 'interrupted by a signal');
}

/** @throws TunerError TUNE_RESTART when a domain that ran when it was planned for does not run now. */
async function checkStillUp(done: readonly Transaction[], options: RunOptions): Promise<void> {
  const [first] = done;
  if (first === undefined) return;
  const domains = done.flatMap((each) => each.domains).filter(({ live }) => live !== undefined);
  await linked({ ...first, domains: [] }, options, async (link) => {
    const down: TransactionDomain[] = [];
    for (const each of domains) if ((await findRun(link, each.domain)).kind !== 'runs') down.push(each);
    if (down.length === 0) return;
    const names = down.map(({ domain }) => JSON.stringify(domain.name)).join(', ');
    throw new TunerError(
      'TUNE_RESTART',
      `${names} stopped running after its change was applied and verified; the remaining VMs are unchanged`,
    );
  });
}
