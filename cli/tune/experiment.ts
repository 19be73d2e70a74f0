import { randomInt } from 'node:crypto';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { HostSample } from '../../sampler/host-sample.ts';
import type { Sampler } from '../../sampler/sampler.ts';
import { TunerError } from '../../tuner/errors.ts';
import type { Experiment, KeepIf } from '../../tuner/measure/experiment.ts';
import type { Figure, Reading, Sample } from '../../tuner/measure/figure.ts';
import { HOST_FIGURES, keyOf, sampleOf } from '../../tuner/measure/host-figures.ts';
import { OthersUsage } from '../../tuner/measure/others-usage.ts';
import { makeSchedule } from '../../tuner/measure/schedule.ts';
import { probe, promql } from '../../tuner/measure/user-figures.ts';
import type { StepDomain } from '../../tuner/steps/step.ts';
import { durationOption } from '../duration-option.ts';
import { log } from '../log.ts';
import { addDesignOptions, type DesignFlags, designOf } from './design-options.ts';
import { UP_TO_A_DAY } from './options.ts';

export interface ExperimentFlags extends DesignFlags {
  readonly measure?: boolean | undefined;
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
  /** Per cent, and milliseconds, of every VM. */
  readonly stealLimit?: number | undefined;
  readonly latencyLimit?: number | undefined;
}

const STEAL = 'libvirt_domain_cpu_steal_ratio';
const LATENCY = 'libvirt_domain_disk_request_latency_seconds';
const DEFAULT_METRIC = STEAL;
const SEEDS = 2 ** 32;

export function addExperimentOptions(command: Command): Command {
  return addDesignOptions(
    command
      .option('--measure', 'switch the live settings of one VM on and off, and keep them only if they help')
      .option('--metric <name>', `figure that decides (default: ${DEFAULT_METRIC})`)
      .option('--probe <command>', 'shell command that prints the number that decides')
      .option('--promql <expression>', 'PromQL expression with the value that decides')
      .option('--prometheus <url>', 'Prometheus that evaluates --promql')
      .option('--higher-is-better', 'of --probe or --promql: more is better, as of transactions per second')
      .option('--margin <percent>', 'smallest change that matters', percent, 5)
      .addOption(
        new Option('--keep-if <result>', 'when the settings stay')
          .choices(['better', 'not-worse', 'always'])
          .default('better'),
      )
      .addOption(
        durationOption('--baseline', 'time to measure before the first block', {
          ...UP_TO_A_DAY,
          defaultSeconds: 300,
        }),
      )
      .option('--steal-limit <percent>', 'end it when the CPU steal of a VM rises above this', percent)
      .option('--latency-limit <ms>', 'end it when the disk latency of a VM rises above this', milliseconds),
  );
}

function percent(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 100)) throw new InvalidArgumentError('Expected per cent, from 0 to 100.');
  return value;
}

function milliseconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1e6)) throw new InvalidArgumentError('Expected milliseconds, above 0.');
  return value;
}

/** The experiment in a line, before anything is changed. */
export function describeDesign(flags: ExperimentFlags): string {
  const { blocks, block, blockSettle, baseline, margin, keepIf } = flags;
  const minutes = (baseline + blocks * (block + blockSettle)) / 60;
  const figure = flags.metric ?? flags.probe ?? flags.promql ?? DEFAULT_METRIC;
  return `Measured by ${JSON.stringify(figure)}: ${baseline} s as it is, then ${blocks} blocks of ${block} s, each after ${blockSettle} s to settle: ${minutes.toFixed(1)} min. Kept if ${keepIf}; changes below ${margin} % do not matter.`;
}

/** An experiment on this VM, guarded by figures of all of them. */
export function experimentOf(
  own: StepDomain,
  others: readonly StepDomain[],
  sampler: Pick<Sampler, 'sample'>,
  flags: ExperimentFlags,
): Experiment {
  const user = userFigure(flags);
  const metric = flags.metric ?? DEFAULT_METRIC;
  const limits = new Map([
    [STEAL, flags.stealLimit && flags.stealLimit / 100],
    [LATENCY, flags.latencyLimit && flags.latencyLimit / 1_000],
  ]);
  const figures = HOST_FIGURES.map(
    ({ name, kind, direction, guard }): Figure => ({
      name,
      kind,
      direction,
      guard: guard && { direction, ...guard, limit: limits.get(name) },
    }),
  );
  const primary = user?.figure ?? figures.find(({ name }) => name === metric);
  if (primary === undefined) {
    const known = figures.map(({ name }) => name).join(', ');
    throw new TunerError('TUNE_USAGE', `${JSON.stringify(metric)} cannot be measured; use one of ${known}`);
  }
  const usage = new OthersUsage(own.uuid);
  const everyMs = flags.every * 1_000;
  const covariate: Figure = {
    name: 'CPU usage of the other VMs',
    kind: 'gauge',
    direction: 'lower is better',
  };
  return {
    primary,
    secondary: figures.filter(({ name }) => name !== primary.name),
    covariates: others.length === 0 ? [] : [covariate],
    guards: others.flatMap((other) =>
      figures
        .filter(({ guard }) => guard !== undefined)
        .map((figure) => ({ ...figure, name: nameOf(other, figure.name) })),
    ),
    criterion: { margin: 1 + flags.margin / 100 },
    schedule: makeSchedule(designOf(flags), randomInt(SEEDS)),
    baselineMs: flags.baseline * 1_000,
    everyMs,
    keepIf: flags.keepIf,
    sample: async () => {
      const [host, value] = await Promise.all([
        sampler.sample().catch((error: Error) => log(`virtune: no sample: ${error.message}`)),
        user?.read(everyMs),
      ]);
      if (host === undefined) return new Map();
      const sample = new Map(readings(host, own, others));
      const run = sample.get(HOST_FIGURES[0]?.name ?? '')?.run;
      if (user !== undefined) sample.set(user.figure.name, { run, value });
      sample.set(covariate.name, { run, value: usage.next(host) });
      return sample;
    },
    onNoGuard: () =>
      log(
        'virtune: the baseline is too short to know when a VM does clearly worse, so nothing but --steal-limit and --latency-limit ends this early; use a longer --baseline',
      ),
    onBlock: ({ arm }, index) => log(`  block ${index + 1} of ${flags.blocks}: ${arm}`),
  };
}

const nameOf = (other: StepDomain, figure: string): string => `${figure} of ${JSON.stringify(other.name)}`;

/** By the names of the figures: those of this VM, and those of the others. */
function readings(host: HostSample, own: StepDomain, others: readonly StepDomain[]): [string, Reading][] {
  const all: Sample = sampleOf(
    host,
    [own, ...others].map(({ uuid }) => uuid),
  );
  return HOST_FIGURES.flatMap((figure) =>
    [own, ...others].flatMap((domain): [string, Reading][] => {
      const reading = all.get(keyOf(domain.uuid, figure));
      if (reading === undefined) return [];
      return [[domain === own ? figure.name : nameOf(domain, figure.name), reading]];
    }),
  );
}

interface UserFigure {
  readonly figure: Figure;
  read(timeoutMs: number): Promise<number | undefined>;
}

/** @throws TunerError TUNE_USAGE for several, or half of one. */
function userFigure(flags: ExperimentFlags): UserFigure | undefined {
  const { metric, probe: command, promql: expression, prometheus } = flags;
  const given = [metric, command, expression].filter((each) => each !== undefined);
  if (given.length > 1) {
    throw new TunerError('TUNE_USAGE', 'one figure decides: use one of --metric, --probe and --promql');
  }
  if ((expression === undefined) !== (prometheus === undefined)) {
    throw new TunerError('TUNE_USAGE', '--promql and --prometheus belong together');
  }
  const direction = flags.higherIsBetter === true ? 'higher is better' : 'lower is better';
  if (command !== undefined) {
    return {
      figure: { name: 'probe', kind: 'gauge', direction },
      read: (timeoutMs) => probe(command, timeoutMs),
    };
  }
  if (expression === undefined || prometheus === undefined) return undefined;
  return {
    figure: { name: 'promql', kind: 'gauge', direction },
    read: (timeoutMs) => promql(prometheus, expression, timeoutMs),
  };
}
