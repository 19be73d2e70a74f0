import { jsonText } from '../../model/json-text.ts';
import { applyLocked, type Trial } from '../../tuner/apply/apply.ts';
import type { HeldHost, RunOptions } from '../../tuner/apply/host-session.ts';
import type { Transaction } from '../../tuner/apply/transaction.ts';
import { TunerError } from '../../tuner/errors.ts';
import { readMeasured } from '../../tuner/measure/describe.ts';
import { trialOf } from '../../tuner/measure/experiment.ts';
import { log } from '../log.ts';
import { openSampler } from './design-options.ts';
import { type ExperimentFlags, experimentOf } from './experiment.ts';
import type { TuneFlags } from './options.ts';
import { outcomeJson, sayOutcome } from './outcome.ts';

/**
 * Applies the transaction of one VM with an experiment, and prints what was measured; returns the exit code.
 *
 * @throws TunerError TUNE_USAGE for a transaction of several VMs or of none, with nothing changed.
 */
export async function applyMeasured(
  held: HeldHost,
  transactions: readonly Transaction[],
  flags: ExperimentFlags & TuneFlags,
  options: RunOptions,
): Promise<number> {
  const [transaction] = transactions;
  const [own, ...more] = transaction?.domains ?? [];
  if (transaction === undefined || own === undefined || transactions.length + more.length > 1) {
    throw new TunerError('TUNE_USAGE', '--measure takes one VM at a time; nothing was changed');
  }
  const sampler = openSampler(flags);
  try {
    await sampler.attempt(options.signal);
    const { domains } = await sampler.sample();
    const others = domains
      .map(({ domain }) => domain)
      .filter(({ id, uuid }) => id >= 0 && uuid !== own.domain.uuid)
      .map(({ uuid, name }) => ({ uuid, name }));
    const trial = trialOf(experimentOf(own.domain, others, sampler, flags));
    let measured: unknown;
    const kept: Trial = async (work) => {
      const result = await trial(work);
      measured = result.measured;
      return result;
    };
    const outcome = await applyLocked(held, transaction, options, kept);
    if (flags.json === true) {
      process.stdout.write(`${jsonText({ ...outcomeJson(outcome), measured }, 2)}\n`);
    } else for (const line of readMeasured(measured)?.text ?? []) process.stdout.write(`${line}\n`);
    if (outcome.failure === undefined) log('virtune: kept, as asked');
    return sayOutcome(outcome, false);
  } finally {
    await sampler.close();
  }
}
