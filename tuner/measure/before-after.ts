import { mean } from './moments.ts';

/** The figure of a VM in windows before and after the change; all positive. */
export interface BeforeAfterSeries {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/**
 * What changed across one boot. It is not an experiment: nothing was randomised, and whatever else happened to this VM
 * at that time, the boot itself included, is part of the result.
 */
export interface BeforeAfter {
  /** After / before of the VM itself. */
  readonly change: number;
  /** The same of the other VMs of the host, their geometric mean: what the host did at that time. */
  readonly others: number;
  /** The one divided by the other: difference in differences, of logarithms. */
  readonly effect: number;
  /** All effects that do not make the VM's change the smallest or the largest of all VMs. */
  readonly low: number;
  readonly high: number;
  /** How often such an interval holds the effect if the VMs are exchangeable: (m - 1) / (m + 1) with m others. */
  readonly confidence: number;
  /** Placebo test: how often a VM drawn at random changes as much against the mean of all others, in either direction. */
  readonly p: number;
  readonly controls: number;
}

/** With fewer other VMs there is no interval to speak of. */
const FEWEST_CONTROLS = 3;

/**
 * For settings that need a boot, with a single one. Assumes that, without the change, this VM would have changed as one
 * of the others did (exchangeable), and that the change did nothing to the others.
 *
 * @returns undefined with fewer than three other VMs, or where a window is missing or not positive.
 */
export function beforeAfter(
  treated: BeforeAfterSeries,
  others: readonly BeforeAfterSeries[],
): BeforeAfter | undefined {
  const own = logChange(treated);
  const controls = others.map(logChange).filter((change) => change !== undefined);
  if (own === undefined || controls.length < FEWEST_CONTROLS) return undefined;
  const all = [own, ...controls];
  const distances = all.map((change, at) => Math.abs(change - mean(all.filter((_, other) => other !== at))));
  const asFar = distances.filter((distance) => distance >= (distances[0] as number) * (1 - 1e-12));
  const host = mean(controls);
  return {
    change: Math.exp(own),
    others: Math.exp(host),
    effect: Math.exp(own - host),
    low: Math.exp(own - Math.max(...controls)),
    high: Math.exp(own - Math.min(...controls)),
    confidence: (controls.length - 1) / (controls.length + 1),
    p: asFar.length / all.length,
    controls: controls.length,
  };
}

function logChange({ before, after }: BeforeAfterSeries): number | undefined {
  if (before.length === 0 || after.length === 0) return undefined;
  const change = Math.log(mean(after)) - Math.log(mean(before));
  return Number.isFinite(change) ? change : undefined;
}
