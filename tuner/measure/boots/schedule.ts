import { TunerError } from '../../errors.ts';
import { seededRandom } from '../random.ts';
import type { Arm } from '../schedule.ts';
import { ALPHA } from '../verdict.ts';

/** Every assignment is enumerated: 184,756 of them for 20. */
const MOST_RESTARTS = 20;

/** How settings that need a boot are measured. */
export interface BootDesign {
  /** How often the VM is restarted while it is measured; the result may take one more. */
  readonly restarts: number;
  /** The measured time of each boot. */
  readonly blockMs: number;
  /** The time after the restart that is left out: the guest boots, and its caches fill. */
  readonly settleMs: number;
}

export interface BootSchedule extends BootDesign {
  /** Gives the same arms again, together with the design. */
  readonly seed: number;
  /** Of each boot, in order. */
  readonly arms: readonly Arm[];
  /** Without the time that restarts take. */
  readonly totalMs: number;
}

/** Half of the boots have the settings, rounded down; a single boot has them. */
export const bootsWith = (restarts: number): number => (restarts === 1 ? 1 : Math.floor(restarts / 2));

/**
 * Draws which boots have the settings, each choice of half of them equally likely. The analysis is by boot, so its test
 * relies on nothing else. With a single restart nothing is drawn: before and after.
 *
 * @throws TunerError TUNE_USAGE for no restart, more than can be enumerated, or a boot without measured time.
 */
export function makeBootSchedule({ restarts, blockMs, settleMs }: BootDesign, seed: number): BootSchedule {
  if (!Number.isInteger(restarts) || restarts < 1 || restarts > MOST_RESTARTS) {
    throw new TunerError('TUNE_USAGE', `${restarts} restarts cannot be measured; use 1 to ${MOST_RESTARTS}`);
  }
  if (!(blockMs > 0) || !(settleMs >= 0)) {
    throw new TunerError(
      'TUNE_USAGE',
      `a boot that is measured for ${blockMs} ms after ${settleMs} ms to settle has no time to measure; use a longer --block`,
    );
  }
  const random = seededRandom(seed);
  const on = bootsWith(restarts);
  const arms = Array.from({ length: restarts }, (_, boot): Arm => (boot < on ? 'on' : 'off'));
  for (let last = arms.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [arms[last], arms[other]] = [arms[other] as Arm, arms[last] as Arm];
  }
  return { restarts, blockMs, settleMs, seed, arms, totalMs: restarts * (settleMs + blockMs) };
}

/** Two-sided, for this many boots without and with the settings, if those with them are the most extreme choice. */
export function smallestP(off: number, on: number): number {
  return Math.min(1, 2 / chosen(off + on, on));
}

/** With fewer restarts no result can reach 5 %: 8 give 70 choices, and 2.9 %. */
export const FEWEST_RESTARTS = fewest();

function fewest(): number {
  let restarts = 1;
  while (smallestP(restarts - bootsWith(restarts), bootsWith(restarts)) > ALPHA) restarts += 1;
  return restarts;
}

function chosen(of: number, count: number): number {
  let product = 1;
  for (let at = 1; at <= count; at++) product = (product * (of - count + at)) / at;
  return Math.round(product);
}
