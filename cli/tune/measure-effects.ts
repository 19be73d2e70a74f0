import { setTimeout as sleep } from 'node:timers/promises';
import { formatSeconds } from '../../model/duration.ts';
import { checkEffects } from '../../tuner/drift/check-effects.ts';
import type { EffectCheck } from '../../tuner/drift/describe-effect.ts';
import { FEWEST_BLOCKS, measuredEffects } from '../../tuner/drift/measured-effects.ts';
import { TunerError } from '../../tuner/errors.ts';
import { openStateFolder } from '../../tuner/journal/folder.ts';
import { listTransactions } from '../../tuner/journal/list.ts';
import { sampleOf } from '../../tuner/measure/host-figures.ts';
import { unlessStopped } from '../../tuner/unless-stopped.ts';
import { log } from '../log.ts';
import { stopSignal } from '../signals.ts';
import type { TuneFlags } from './options.ts';
import { withSampler } from './with-sampler.ts';

/** The sampling interval, shortened for short blocks: a rate needs several samples per block. */
const EVERY_MS = 5_000;
const SAMPLES_PER_BLOCK = 4;

/**
 * Measures VMs with settings that an experiment kept as improvements, and compares with the experiment's result.
 *
 * @param uuids VMs to measure.
 * @throws TunerError TUNE_USAGE for a time that is too short for the blocks of an experiment, TUNE_STOPPED after a
 * signal.
 */
export async function measureEffects(
  flags: TuneFlags,
  forSeconds: number,
  { hostname, uuids }: { readonly hostname: string; readonly uuids: ReadonlySet<string> },
): Promise<EffectCheck[]> {
  const { records } = await listTransactions(await openStateFolder(flags.stateDir));
  const effects = measuredEffects(records, hostname).filter(({ domain }) => uuids.has(domain.uuid));
  if (effects.length === 0) {
    log('virtune: no VM on this host has settings that apply --measure kept as an improvement');
    return [];
  }
  const longestMs = Math.max(...effects.map(({ blockMs }) => blockMs));
  const forMs = forSeconds * 1_000;
  if (forMs < FEWEST_BLOCKS * longestMs) {
    throw new TunerError(
      'TUNE_USAGE',
      `--measure ${formatSeconds(forSeconds)} is too short: ${FEWEST_BLOCKS} blocks as in the experiment take ${formatSeconds((FEWEST_BLOCKS * longestMs) / 1_000)}`,
    );
  }
  const shortestMs = Math.min(...effects.map(({ blockMs }) => blockMs));
  const signal = stopSignal();
  log(`virtune: measuring ${effects.length} VMs for ${formatSeconds(forSeconds)}`);
  return withSampler(flags, signal, (sampler) =>
    unlessStopped(signal, () =>
      checkEffects(effects, {
        sample: () =>
          sampler.sample().then(
            (sample) =>
              sampleOf(
                sample,
                effects.map(({ domain }) => domain.uuid),
              ),
            (error: Error) => {
              log(`virtune: no sample: ${error.message}`);
              return new Map();
            },
          ),
        everyMs: Math.min(EVERY_MS, shortestMs / SAMPLES_PER_BLOCK),
        forMs,
        clock: {
          nowMs: () => performance.now(),
          wait: (ms) => sleep(ms, undefined, { signal }),
        },
      }),
    ),
  );
}
