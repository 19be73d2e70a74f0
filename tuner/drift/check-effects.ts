import { blockMean } from '../measure/block-means.ts';
import type { Sample } from '../measure/figure.ts';
import { type HostFigure, keyOf } from '../measure/host-figures.ts';
import { type Clock, Recorder } from '../measure/recorder.ts';
import type { EffectCheck } from './describe-effect.ts';
import { compareEffect, FEWEST_BLOCKS, type MeasuredEffect } from './measured-effects.ts';

export interface CheckOptions {
  /** All host figures of these VMs now, by `keyOf`. It handles its own errors. */
  readonly sample: () => Promise<Sample>;
  readonly everyMs: number;
  readonly forMs: number;
  readonly clock: Clock;
}

/** Measures the figures of these experiments for a while, and compares; rejects when the clock does. */
export async function checkEffects(
  effects: readonly MeasuredEffect[],
  { sample, everyMs, forMs, clock }: CheckOptions,
): Promise<EffectCheck[]> {
  const recorder = new Recorder(sample, everyMs, clock);
  await recorder.until(forMs);
  const check = (effect: MeasuredEffect, figure: HostFigure): EffectCheck => {
    const { blockMs, domain } = effect;
    const series = recorder.series(keyOf(domain.uuid, figure));
    const means = Array.from({ length: Math.floor(forMs / blockMs) }, (_, at) =>
      blockMean(figure.kind, series, { fromMs: at * blockMs, toMs: (at + 1) * blockMs }, everyMs),
    );
    const values = means.flatMap((each) => ('missing' in each ? [] : [each.value]));
    if (values.length >= FEWEST_BLOCKS) return { effect, now: compareEffect(effect, values) };
    const lost = means.find((each) => 'missing' in each);
    const why = lost !== undefined && 'missing' in lost ? lost.missing : 'measure for longer';
    return { effect, missing: `${values.length} of ${FEWEST_BLOCKS} blocks have a value: ${why}` };
  };
  return effects.map((effect) =>
    effect.figure === undefined
      ? { effect, missing: `${effect.name} is not measured by virtune` }
      : check(effect, effect.figure),
  );
}
