import { TunerError } from '../errors.ts';
import { seededRandom } from './random.ts';

/** Whether the setting under test is applied in a block. */
export type Arm = 'off' | 'on';

/** With fewer pairs no result can reach 5 %: with n pairs the smallest two-sided p-value is 2 / 2^n, 3.1 % for 6. */
export const FEWEST_PAIRS = 6;

/** The design of an experiment, as set by its options. */
export interface Design {
  readonly pairs: number;
  /** The measured time of each block. */
  readonly blockMs: number;
  /** Time left out before it, for effects of the previous block to fade. */
  readonly settleMs: number;
}

export interface Block {
  /** Which pair it belongs to, from 0. */
  readonly pair: number;
  readonly arm: Arm;
  /**
   * When the setting has been switched, if it differs from the previous block. In a schedule, milliseconds since the
   * start of the first block; in a report, since the start of the baseline, which comes before it.
   */
  readonly startMs: number;
  /** Start and end of the measured time; likewise. */
  readonly measureMs: number;
  readonly endMs: number;
}

export interface Schedule extends Design {
  /** Determines the coins: gives the same schedule again, together with the design. */
  readonly seed: number;
  readonly blocks: readonly Block[];
  readonly totalMs: number;
}

/**
 * Pairs of neighbouring blocks, one with the setting and one without; a fair coin per pair decides which is first. All
 * 2^pairs schedules are equally likely, independent of anything that is measured: this is the only thing that the
 * randomisation test relies on.
 *
 * The settle time is left out of every block, not only after a switch: coins must not decide which samples count.
 *
 * @throws TunerError TUNE_USAGE for fewer pairs than can show anything, or a block without measured time.
 */
export function makeSchedule({ pairs, blockMs, settleMs }: Design, seed: number): Schedule {
  if (!Number.isInteger(pairs) || pairs < FEWEST_PAIRS) {
    throw new TunerError(
      'TUNE_USAGE',
      `an experiment needs at least ${2 * FEWEST_PAIRS} blocks, an even number: fewer than ${FEWEST_PAIRS} pairs cannot reach a p-value of 5 %; there are ${2 * pairs}`,
    );
  }
  if (!(blockMs > 0) || !(settleMs >= 0)) {
    throw new TunerError(
      'TUNE_USAGE',
      `a block of ${blockMs} ms after ${settleMs} ms to settle has no time to measure; use a longer --block`,
    );
  }
  const random = seededRandom(seed);
  const arms = Array.from({ length: pairs }, (): readonly [Arm, Arm] =>
    random() < 0.5 ? ['on', 'off'] : ['off', 'on'],
  ).flat();
  const everyMs = settleMs + blockMs;
  const blocks = arms.map((arm, index): Block => {
    const startMs = index * everyMs;
    return {
      pair: index >> 1,
      arm,
      startMs,
      measureMs: startMs + settleMs,
      endMs: startMs + everyMs,
    };
  });
  return { pairs, blockMs, settleMs, seed, blocks, totalMs: blocks.length * everyMs };
}
