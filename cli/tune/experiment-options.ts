import { randomInt } from 'node:crypto';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { TunerError } from '../../tuner/errors.ts';
import { makeBootSchedule } from '../../tuner/measure/boots/schedule.ts';
import { STEAL } from '../../tuner/measure/host-figures.ts';
import { makeSchedule } from '../../tuner/measure/schedule.ts';
import type { KeepIf } from '../../tuner/measure/trial-result.ts';
import { userFigure } from '../../tuner/measure/user-figure.ts';
import { type AnySettings, findHostFigure } from '../../tuner/measure/vm-experiment.ts';
import { durationOption } from '../duration-option.ts';
import { addDesignOptions, checkBlock, type DesignFlags, designOf } from './design-options.ts';
import { count } from './options.ts';

export interface ExperimentFlags extends DesignFlags {
  readonly measure?: boolean | undefined;
  readonly restarts?: number | undefined;
  readonly dryRun?: boolean | undefined;
  readonly metric?: string | undefined;
  readonly probe?: string | undefined;
  readonly promql?: string | undefined;
  readonly prometheus?: string | undefined;
  readonly higherIsBetter?: boolean | undefined;
  /** Per cent. */
  readonly margin: number;
  readonly keepIf: KeepIf;
  /** Seconds. */
  readonly baseline: number;
  /** For any VM of the host; per cent and milliseconds. */
  readonly stealLimit?: number | undefined;
  readonly latencyLimit?: number | undefined;
}

/** Options that require --measure. */
const FLAGS: Readonly<Record<Exclude<keyof ExperimentFlags, 'measure'>, string>> = {
  dryRun: '--dry-run',
  restarts: '--restarts',
  metric: '--metric',
  probe: '--probe',
  promql: '--promql',
  prometheus: '--prometheus',
  higherIsBetter: '--higher-is-better',
  margin: '--margin',
  keepIf: '--keep-if',
  baseline: '--baseline',
  stealLimit: '--steal-limit',
  latencyLimit: '--latency-limit',
  blocks: '--blocks',
  block: '--block',
  blockSettle: '--block-settle',
  every: '--every',
};

/** Per cent; and milliseconds: a quarter of an hour, more than any request waits. */
const [PERCENT_MIN, PERCENT_MAX] = [0.1, 99];
const [LATENCY_MS_MIN, LATENCY_MS_MAX] = [0.01, 900_000];
/** At least two samples at the shortest interval, which a rate needs; at most a day. */
const [BASELINE_SECONDS_MIN, BASELINE_SECONDS_MAX] = [2, 86_400];
const SEEDS = 2 ** 32;

export function addExperimentOptions(command: Command): Command {
  return addDesignOptions(
    command
      .option('--measure', 'switch the live settings of one VM on and off, and keep them only if they help')
      .option(
        '--restarts <n>',
        'with --measure: restart the VM this many times, with and without the settings, for those that need a boot',
        count,
      )
      .option('--dry-run', 'print plan, schedule and detectable effect; measures only the baseline')
      .option('--metric <name>', `figure that decides (default: ${STEAL})`)
      .option('--probe <command>', 'shell command that prints the number that decides')
      .option('--promql <expression>', 'PromQL expression with the value that decides')
      .option('--prometheus <url>', 'Prometheus that evaluates --promql')
      .option(
        '--higher-is-better',
        'with --probe or --promql: higher is better, as for transactions per second',
      )
      .option(
        '--margin <percent>',
        'smallest change that matters',
        numberFrom('a percentage', PERCENT_MIN, PERCENT_MAX),
        5,
      )
      .addOption(
        new Option('--keep-if <result>', 'when to keep the settings')
          .choices(['better', 'not-worse', 'always'])
          .default('better'),
      )
      .addOption(
        durationOption('--baseline', 'time to measure before the first block', {
          minSeconds: BASELINE_SECONDS_MIN,
          maxSeconds: BASELINE_SECONDS_MAX,
          defaultSeconds: 300,
        }),
      )
      .option(
        '--steal-limit <percent>',
        'stop when the CPU steal of a VM rises above this',
        numberFrom('a percentage', PERCENT_MIN, PERCENT_MAX),
      )
      .option(
        '--latency-limit <ms>',
        'stop when the disk latency of a VM rises above this',
        numberFrom('milliseconds', LATENCY_MS_MIN, LATENCY_MS_MAX),
      ),
  );
}

function numberFrom(unit: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected ${unit} from ${min} to ${max}.`);
  };
}

/**
 * Parses and checks the flags without reading the host; undefined without --measure.
 *
 * @throws TunerError TUNE_USAGE for an experiment that cannot show any effect, flags that cannot be combined, and any
 * of them without --measure.
 */
export function experimentSettings(
  command: Pick<Command, 'getOptionValueSource'>,
  flags: ExperimentFlags,
): AnySettings | undefined {
  if (flags.measure !== true) {
    const given = Object.entries(FLAGS).find(([name]) => command.getOptionValueSource(name) === 'cli');
    if (given === undefined) return undefined;
    const hint = given[0] === 'dryRun' ? '; virtune tune plan shows what would change' : '';
    throw new TunerError('TUNE_USAGE', `${given[1]} needs --measure${hint}`);
  }
  const schedule = scheduleOf(command, flags);
  const { baseline, every, margin, keepIf, stealLimit, latencyLimit } = flags;
  if (baseline < 2 * every) {
    throw new TunerError(
      'TUNE_USAGE',
      `a baseline of ${baseline} s has too few samples, one every ${every} s; use a longer --baseline or a shorter --every`,
    );
  }
  const settings = {
    metric: findHostFigure(flags.metric ?? STEAL),
    user: userFigure(flags, every * 1_000),
    margin: 1 + margin / 100,
    keepIf,
    baselineMs: baseline * 1_000,
    everyMs: every * 1_000,
    stealLimit: stealLimit === undefined ? undefined : stealLimit / 100,
    latencyLimitSeconds: latencyLimit === undefined ? undefined : latencyLimit / 1_000,
  };
  return 'restarts' in schedule ? { ...settings, schedule } : { ...settings, schedule };
}

/** Longer defaults for boots: guests take minutes to start, and longer to warm up their caches. */
const [BOOT_SECONDS, BOOT_SETTLE_SECONDS] = [600, 300];

function scheduleOf(
  command: Pick<Command, 'getOptionValueSource'>,
  flags: ExperimentFlags,
): AnySettings['schedule'] {
  const { restarts, every } = flags;
  if (restarts === undefined) return makeSchedule(designOf(flags), randomInt(SEEDS));
  const isGiven = (name: keyof ExperimentFlags): boolean => command.getOptionValueSource(name) === 'cli';
  if (isGiven('blocks')) {
    throw new TunerError('TUNE_USAGE', '--blocks cannot be combined with --restarts: each boot is one block');
  }
  const block = isGiven('block') ? flags.block : BOOT_SECONDS;
  const settle = isGiven('blockSettle') ? flags.blockSettle : BOOT_SETTLE_SECONDS;
  checkBlock({ block, every });
  return makeBootSchedule({ restarts, blockMs: block * 1_000, settleMs: settle * 1_000 }, randomInt(SEEDS));
}
