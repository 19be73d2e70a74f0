import type { BlockMean } from '../block-means.ts';
import { type Estimate, holdingBoth } from '../effect.ts';
import { mean, sum } from '../moments.ts';
import type { Arm } from '../schedule.ts';
import { ALPHA } from '../verdict.ts';
import { BootAssignments, type BootValue, difference } from './assignments.ts';
import { smallestP } from './schedule.ts';

/** The figure of one boot. */
export interface Boot {
  readonly arm: Arm;
  readonly mean: BlockMean;
}

/** The same figure of another VM of the host, over the same times. */
export interface Control {
  readonly name: string;
  readonly means: readonly BlockMean[];
}

export interface BootEffect extends Estimate {
  /** Boots that have a figure, without the settings and with them. */
  readonly off: number;
  readonly on: number;
  /** The smallest p-value that this many boots can give. */
  readonly smallestP: number;
  /** Not corrected by the other VMs. The same if there are none to compare with. */
  readonly plain: Estimate;
  /** The other VMs that have the figure in all of these boots. */
  readonly comparedWith: readonly string[];
  /**
   * Whether the other VMs themselves differ between the arms (p <= 5 %): the setting may have changed them, and
   * comparing would count that twice. The interval then covers the corrected and the plain one; `p` is the larger.
   */
  readonly moved: boolean;
}

export interface LostBoot {
  /** From 0. */
  readonly boot: number;
  readonly reason: string;
}

/**
 * Difference in differences: how the figure of this VM changed with the settings, minus how that of the other VMs of
 * the host changed over the same times. The other VMs count by the median of their changes, so one VM with a nightly
 * job does not decide. The permutation test is exact whatever the others did: which boots had the settings was drawn.
 *
 * @returns no effect if no boot with the settings has a figure, or none without them.
 */
export function bootEffect(
  boots: readonly Boot[],
  controls: readonly Control[],
): { readonly effect: BootEffect | undefined; readonly lost: readonly LostBoot[] } {
  const lost = boots.flatMap(({ mean: found }, boot) =>
    'missing' in found ? [{ boot, reason: found.missing }] : [],
  );
  const kept = boots.flatMap(({ arm, mean: found }, at) =>
    'missing' in found ? [] : [{ at, arm, value: found.value }],
  );
  const count = (arm: Arm): number => kept.filter((boot) => boot.arm === arm).length;
  const [off, on] = [count('off'), count('on')];
  if (off === 0 || on === 0) return { effect: undefined, lost };
  const isRatio = kept.every(({ value }) => value > 0);
  const own = kept.map(({ arm, value }): BootValue => ({ arm, value: onScale(value, isRatio) }));
  const others = comparable(
    controls,
    kept.map(({ at }) => at),
    isRatio,
  );
  const plain = estimate(own, isRatio);
  const comparedWith = others.map(({ name }) => name);
  const found = { off, on, smallestP: smallestP(off, on), plain, comparedWith };
  if (others.length === 0) return { effect: { ...plain, ...found, moved: false }, lost };
  const shocks = own.map((_, boot) => median(others.map(({ changes }) => changes[boot] as number)));
  const valued = (values: readonly number[]): BootValue[] =>
    own.map(({ arm }, boot) => ({ arm, value: values[boot] as number }));
  const corrected = estimate(valued(own.map(({ value }, boot) => value - (shocks[boot] as number))), isRatio);
  const moved = new BootAssignments(valued(shocks)).pValue(0) <= ALPHA;
  return { effect: { ...(moved ? holdingBoth(corrected, plain) : corrected), ...found, moved }, lost };
}

const onScale = (value: number, isRatio: boolean): number => (isRatio ? Math.log(value) : value);

/** The VMs that have the figure in all of these boots, with its changes from its own mean. */
function comparable(
  controls: readonly Control[],
  boots: readonly number[],
  isRatio: boolean,
): { readonly name: string; readonly changes: readonly number[] }[] {
  return controls.flatMap(({ name, means }) => {
    const values = boots.map((at) => figureOf(means[at]));
    if (!values.every((value) => value !== undefined && (!isRatio || value > 0))) return [];
    return [{ name, changes: centred(values.map((value) => onScale(value as number, isRatio))) }];
  });
}

function estimate(boots: readonly BootValue[], isRatio: boolean): Estimate {
  const test = new BootAssignments(boots);
  const interval = test.interval(ALPHA);
  const effect = difference(boots);
  const of = (arm: Arm): number[] => boots.filter((boot) => boot.arm === arm).map(({ value }) => value);
  const squares = sum((['on', 'off'] as const).flatMap((arm) => centred(of(arm)).map((value) => value ** 2)));
  const spread = Math.sqrt(squares / (boots.length - 2));
  const outOf = (value: number): number => (isRatio ? Math.exp(value) : value);
  return {
    scale: isRatio ? 'ratio' : 'difference',
    effect: outOf(effect),
    p: test.pValue(0),
    low: outOf(interval.low),
    high: outOf(interval.high),
    spread,
  };
}

function figureOf(found: BlockMean | undefined): number | undefined {
  return found !== undefined && 'value' in found ? found.value : undefined;
}

function centred(values: readonly number[]): number[] {
  const centre = mean(values);
  return values.map((value) => value - centre);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const upper = sorted[sorted.length >> 1] as number;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[(sorted.length >> 1) - 1] as number)) / 2;
}
