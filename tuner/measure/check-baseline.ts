import { TunerError } from '../errors.ts';
import { singleValues } from './baseline.ts';
import { blockMean } from './block-means.ts';
import type { Figure } from './figure.ts';
import type { Recorder } from './recorder.ts';

/**
 * Called after the baseline, before anything is switched.
 *
 * @throws TunerError TUNE_MEASURE with the reason, if the deciding figure has nothing to compare with.
 */
export function checkBaseline({ name, kind }: Figure, recorder: Recorder): void {
  const observations = recorder.series(name);
  const level = blockMean(kind, observations, { fromMs: 0, toMs: recorder.nowMs() }, recorder.everyMs);
  if ('missing' in level) {
    throw new TunerError('TUNE_MEASURE', `${name} has no value in the baseline: ${level.missing}`);
  }
  if (singleValues(kind, observations).every((value) => value === 0)) {
    throw new TunerError(
      'TUNE_MEASURE',
      `${name} was 0 throughout the baseline, so there is nothing to compare with; measure under load, or let another figure decide (--metric)`,
    );
  }
}
