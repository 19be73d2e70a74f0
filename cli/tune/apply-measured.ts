import { jsonText } from '../../model/json-text.ts';
import { applyLocked, type Trial } from '../../tuner/apply/apply.ts';
import type { HeldHost, RunOptions } from '../../tuner/apply/host-session.ts';
import type { Transaction } from '../../tuner/apply/transaction.ts';
import { TunerError } from '../../tuner/errors.ts';
import { bootTrialOf } from '../../tuner/measure/boots/experiment.ts';
import { readMeasured } from '../../tuner/measure/describe.ts';
import { describeUnwatched } from '../../tuner/measure/describe-guard.ts';
import { type Experiment, trialOf } from '../../tuner/measure/experiment.ts';
import { runningOthers } from '../../tuner/measure/host-figures.ts';
import {
  type AnySettings,
  bootExperiment,
  isByRestarts,
  vmExperiment,
} from '../../tuner/measure/vm-experiment.ts';
import { log } from '../log.ts';
import type { TuneFlags } from './options.ts';
import { outcomeJson, printOutcome } from './outcome.ts';
import { withSampler } from './with-sampler.ts';

/**
 * Applies the transaction of one VM with an experiment, and prints what was measured; returns the exit code.
 *
 * @throws TunerError TUNE_USAGE for a transaction of several VMs or of none, with nothing changed.
 */
export async function applyMeasured(
  held: HeldHost,
  transactions: readonly Transaction[],
  settings: AnySettings,
  flags: TuneFlags,
  options: RunOptions & { readonly signal: AbortSignal },
): Promise<number> {
  const [transaction] = transactions;
  const [own, ...more] = transaction?.domains ?? [];
  if (transaction === undefined || own === undefined || transactions.length + more.length > 1) {
    throw new TunerError('TUNE_USAGE', '--measure takes one VM at a time; nothing was changed');
  }
  return withSampler(flags, options.signal, async (sampler, rebootsOf) => {
    const others = runningOthers(await sampler.sample(), own.domain);
    const say = (text: string): void => log(`virtune: ${text}`);
    const progress = { ...progressOf(settings), reboots: () => rebootsOf(own.domain.uuid) };
    const trial = isByRestarts(settings)
      ? bootTrialOf({ ...bootExperiment(own.domain, others, sampler, settings, say), ...progress })
      : trialOf({ ...vmExperiment(own.domain, others, sampler, settings, say), ...progress });
    let isSwitching = false;
    let measured: unknown;
    const kept: Trial = async (work) => {
      isSwitching = true;
      const result = await trial(work).finally(() => {
        isSwitching = false;
      });
      measured = result.measured;
      return result;
    };
    // Report each switch as one line; its individual steps would bury it.
    const onEvent: RunOptions['onEvent'] = (event, step) => {
      if (!isSwitching) options.onEvent?.(event, step);
    };
    const outcome = await applyLocked(held, transaction, { ...options, onEvent }, kept);
    if (flags.json === true) {
      process.stdout.write(`${jsonText({ ...outcomeJson(outcome), measured }, 2)}\n`);
    } else for (const line of readMeasured(measured)?.text ?? []) process.stdout.write(`${line}\n`);
    if (outcome.failure === undefined) log('virtune: settings kept, as requested');
    return printOutcome(outcome, false);
  });
}

/** Reports what the guard does not watch, then one line per block or boot with what is switched. */
function progressOf({ schedule }: AnySettings): Pick<Experiment, 'onBlock' | 'onGuard'> {
  const arms = 'restarts' in schedule ? schedule.arms : schedule.blocks.map(({ arm }) => arm);
  const stateOf = (index: number): string => {
    const arm = arms[index];
    return arm === (arms[index - 1] ?? 'off') ? `still ${arm}` : `switching ${arm}`;
  };
  const what = 'restarts' in schedule ? 'restart' : 'block';
  return {
    onBlock: (_, index) => log(`  ${what} ${index + 1} of ${arms.length}: ${stateOf(index)}`),
    onGuard: (guard) => {
      for (const line of describeUnwatched(guard)) log(`virtune: ${line}`);
    },
  };
}
