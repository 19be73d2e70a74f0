import type { Command } from 'commander';
import { connect } from '../../libvirt/client/connect.ts';
import type { GroupName } from '../../model/catalogue/catalogue.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { TunerError } from '../../tuner/errors.ts';
import { type Design, makeSchedule } from '../../tuner/measure/schedule.ts';
import { durationOption } from '../duration-option.ts';
import { isLocalUri } from '../local-uri.ts';
import { connectTimeoutMs, count, type TuneFlags, UP_TO_A_DAY } from './options.ts';

/** How an experiment runs; seconds. */
export interface DesignFlags {
  readonly every: number;
  readonly blocks: number;
  readonly block: number;
  readonly blockSettle: number;
}

export function addDesignOptions(command: Command): Command {
  return command
    .option('--blocks <n>', 'blocks of an experiment, with and without the settings together', count, 12)
    .addOption(durationOption('--block', 'measured time of a block', { ...UP_TO_A_DAY, defaultSeconds: 60 }))
    .addOption(
      durationOption('--block-settle', 'time left out at the start of each block', {
        ...UP_TO_A_DAY,
        defaultSeconds: 15,
      }),
    )
    .addOption(durationOption('--every', 'interval of samples', { maxSeconds: 600, defaultSeconds: 5 }));
}

/** @throws TunerError TUNE_USAGE for a design that can show nothing. */
export function designOf({ blocks, block, blockSettle, every }: DesignFlags): Design {
  const design = { pairs: blocks / 2, blockMs: block * 1_000, settleMs: blockSettle * 1_000 };
  makeSchedule(design, 0);
  if (block >= 2 * every) return design;
  throw new TunerError(
    'TUNE_USAGE',
    `a block of ${block} s has too few samples, one every ${every} s; use a longer --block or a shorter --every`,
  );
}

/** The groups that the measured figures come from. */
const GROUPS: ReadonlySet<GroupName> = new Set(['domain', 'vcpu', 'block', 'cpu']);

/** Samples the host over a read-only connection. */
export function openSampler(flags: TuneFlags): Sampler {
  return new Sampler({
    open: (signal) => connect(flags.connect, { readOnly: true, timeoutMs: connectTimeoutMs(flags), signal }),
    groups: GROUPS,
    procRoot: isLocalUri(flags.connect) ? '/proc' : undefined,
  });
}
