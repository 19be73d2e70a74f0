import { TunerError } from '../errors.ts';
import { findRun } from '../steps/domain-run.ts';
import { applyLocked } from './apply.ts';
import { type HeldHost, linked, type RunOptions } from './host-session.ts';
import { readBasis } from './host-state.ts';
import { withOwnChanges } from './plan-basis.ts';
import type { Transaction, TransactionDomain, TransactionOutcome } from './transaction.ts';

export interface BatchOptions extends RunOptions {
  /** Transactions to apply first; 0: none. */
  readonly canary: number;
  /** Transactions between two pauses. */
  readonly batch: number;
  readonly pauseMs: number;
  /** Asked after the canaries, before the rest; false ends the run. */
  readonly goOn?: ((done: number, left: number) => Promise<boolean>) | undefined;
  /** Called as each transaction ends. */
  readonly onOutcome: (outcome: TransactionOutcome, transaction: Transaction) => void;
  /** Abortable. */
  readonly sleep: (ms: number) => Promise<void>;
}

/** The result of a run of several transactions. */
export interface RunResult {
  readonly outcomes: readonly { readonly outcome: TransactionOutcome; readonly transaction: Transaction }[];
  /** Never started, in order. */
  readonly notTried: readonly Transaction[];
  /** Why the run ended early, unless the failure of the last outcome is the reason. */
  readonly stopped: TunerError | undefined;
}

/**
 * Applies transactions one after the other, each completely or not at all: the first failure ends the run, and what was
 * applied and verified before it stays. Each first checks that everything the plan looked at is unchanged, apart from
 * changes of this run.
 *
 * Rejects as `applyLocked` does while nothing has been applied; later the result says why the run stopped.
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

/** Between two transactions: stops after a signal; at the end of a batch, pauses and checks what was done. */
async function between(
  transactions: readonly Transaction[],
  index: number,
  options: BatchOptions,
): Promise<boolean> {
  const { canary, batch, pauseMs, sleep, goOn, onSay } = options;
  throwIfStopped(options);
  // Host steps alone do not count as a canary.
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

/** @throws TunerError TUNE_RESTART when a domain that ran when the plan was made does not run now. */
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
