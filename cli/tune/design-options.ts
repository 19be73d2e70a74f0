import type { Command } from 'commander';
import { TunerError } from '../../tuner/errors.ts';
import { type Design, makeSchedule } from '../../tuner/measure/schedule.ts';
import { durationOption } from '../duration-option.ts';
import { count, UP_TO_A_DAY } from './options.ts';

/** Design of an experiment; durations in seconds. */
export interface DesignFlags {
  readonly every: number;
  readonly blocks: number;
  readonly block: number;
  readonly blockSettle: number;
}

/** A sample takes up to a second on a host with many VMs; an interval above ten minutes misses too much. */
const [EVERY_SECONDS_MIN, EVERY_SECONDS_MAX] = [1, 600];
/** At least two samples at the shortest interval, which a rate needs; at most a day. */
const [BLOCK_SECONDS_MIN, BLOCK_SECONDS_MAX] = [2, 86_400];

export function addDesignOptions(command: Command): Command {
  return command
    .option('--blocks <n>', 'blocks of an experiment, with and without the settings together', count, 16)
    .addOption(
      durationOption('--block', 'measured time of a block', {
        minSeconds: BLOCK_SECONDS_MIN,
        maxSeconds: BLOCK_SECONDS_MAX,
        defaultSeconds: 60,
      }),
    )
    .addOption(
      durationOption('--block-settle', 'time to discard at the start of each block', {
        ...UP_TO_A_DAY,
        defaultSeconds: 15,
      }),
    )
    .addOption(
      durationOption('--every', 'interval between samples', {
        minSeconds: EVERY_SECONDS_MIN,
        maxSeconds: EVERY_SECONDS_MAX,
        defaultSeconds: 5,
      }),
    );
}

/** @throws TunerError TUNE_USAGE for a design that cannot show any effect. */
export function designOf({ blocks, block, blockSettle, every }: DesignFlags): Design {
  const design = { pairs: blocks / 2, blockMs: block * 1_000, settleMs: blockSettle * 1_000 };
  makeSchedule(design, 0);
  checkBlock({ block, every });
  return design;
}

/** @throws TunerError TUNE_USAGE for blocks in which a rate has too few samples. */
export function checkBlock({ block, every }: Pick<DesignFlags, 'block' | 'every'>): void {
  if (block >= 2 * every) return;
  throw new TunerError(
    'TUNE_USAGE',
    `a block of ${block} s has too few samples, one every ${every} s; use a longer --block or a shorter --every`,
  );
}
