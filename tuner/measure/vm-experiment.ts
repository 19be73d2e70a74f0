import type { HostSample } from '../../sampler/host-sample.ts';
import type { Sampler } from '../../sampler/sampler.ts';
import { TunerError } from '../errors.ts';
import type { StepDomain } from '../steps/step.ts';
import type { BootExperiment } from './boots/experiment.ts';
import type { BootSchedule } from './boots/schedule.ts';
import type { Experiment } from './experiment.ts';
import type { Figure, GuardFigure, Reading, Sample } from './figure.ts';
import { HOST_FIGURES, type HostFigure, keyOf, LATENCY, STEAL, sampleOf } from './host-figures.ts';
import { OthersUsage } from './others-usage.ts';
import type { Schedule } from './schedule.ts';
import type { KeepIf } from './trial-result.ts';
import { readingOf, type UserFigure } from './user-figure.ts';

/** For settings that are switched while the VM runs, or for restarts. */
type AnySchedule = Schedule | BootSchedule;

/** Settings of an experiment, independent of the VM. */
export interface ExperimentSettings<S extends AnySchedule = Schedule> {
  /** Decides, unless there is a `user` figure. */
  readonly metric: HostFigure;
  readonly user: UserFigure | undefined;
  /** The smallest ratio above 1 that matters. */
  readonly margin: number;
  readonly keepIf: KeepIf;
  readonly schedule: S;
  readonly baselineMs: number;
  readonly everyMs: number;
  /** The experiment ends when any VM exceeds these: a share of time, and seconds. */
  readonly stealLimit?: number | undefined;
  readonly latencyLimitSeconds?: number | undefined;
}

/** By switching, or by restarts. */
export type AnySettings = ExperimentSettings | ExperimentSettings<BootSchedule>;

/** Whether settings that need a boot are measured, by restarts. */
export const isByRestarts = (settings: AnySettings): settings is ExperimentSettings<BootSchedule> =>
  'restarts' in settings.schedule;

/** @throws TunerError TUNE_USAGE for a name that is not a figure. */
export function findHostFigure(name: string): HostFigure {
  const found = HOST_FIGURES.find((figure) => figure.name === name);
  if (found !== undefined) return found;
  const known = HOST_FIGURES.map((figure) => figure.name).join(', ');
  throw new TunerError('TUNE_USAGE', `${JSON.stringify(name)} cannot be measured; use one of ${known}`);
}

/** The name of the deciding figure. */
export const decidingFigure = ({ user, metric }: Pick<AnySettings, 'user' | 'metric'>): string =>
  user?.figure.name ?? metric.name;

/**
 * An experiment on this VM, guarded by figures of all VMs.
 *
 * @param say reports a sample that could not be taken, and why the deciding figure has no value.
 */
export function vmExperiment<S extends AnySchedule>(
  own: StepDomain,
  others: readonly StepDomain[],
  sampler: Pick<Sampler, 'sample'>,
  settings: ExperimentSettings<S>,
  say: (text: string) => void,
): Experiment<S> {
  const { user, metric, margin, everyMs, baselineMs, schedule, keepIf } = settings;
  const figures = HOST_FIGURES.map((figure) => figureOf(figure, settings, 1));
  const primary = user?.figure ?? figureOf(metric, settings, 1);
  const covariate: Figure = {
    name: 'CPU usage of the other VMs',
    kind: 'gauge',
    direction: 'lower is better',
  };
  const usage = new OthersUsage(own.uuid);
  let saidMissing: string | undefined;
  return {
    primary,
    secondary: figures.filter(({ name }) => name !== primary.name),
    covariates: others.length === 0 ? [] : [covariate],
    guards: others.flatMap((other) =>
      HOST_FIGURES.filter(({ guard }) => guard !== undefined).map((figure) => ({
        ...figureOf(figure, settings, 2),
        name: nameOf(other, figure.name),
      })),
    ),
    criterion: { margin },
    schedule,
    baselineMs,
    everyMs,
    keepIf,
    sample: async () => {
      const [host, reading] = await Promise.all([
        sampler.sample().catch((error: Error) => {
          say(`no sample: ${error.message}`);
          return undefined;
        }),
        user === undefined ? undefined : readingOf(user),
      ]);
      if (reading?.missing !== undefined && reading.missing !== saidMissing) say(reading.missing);
      saidMissing = reading?.missing;
      if (host === undefined) return new Map();
      const sample = new Map(readings(host, own, others));
      const measured = sample.get(metric.name);
      const run = measured?.run;
      if (user !== undefined) {
        const missing = run === undefined ? measured?.missing : reading?.missing;
        sample.set(user.figure.name, { run, value: reading?.value, missing });
      }
      sample.set(covariate.name, { run, value: usage.next(host) });
      return sample;
    },
  };
}

/** The same by restarts. A boot with cold caches proves nothing against the settings, so only limits guard this VM. */
export function bootExperiment(...given: Parameters<typeof vmExperiment<BootSchedule>>): BootExperiment {
  const [, others] = given;
  const experiment = vmExperiment(...given);
  const names = new Set<string>(HOST_FIGURES.map(({ name }) => name));
  return {
    ...experiment,
    primary: byLimitOnly(experiment.primary),
    secondary: experiment.secondary.map(byLimitOnly),
    controlsOf: ({ name, kind, direction }) =>
      names.has(name) ? others.map((other) => ({ name: nameOf(other, name), kind, direction })) : [],
  };
}

function byLimitOnly(figure: Figure): Figure {
  if (figure.guard === undefined) return figure;
  return {
    ...figure,
    guard: { ...figure.guard, limitOnly: 'a fresh boot is not comparable with the run before it' },
  };
}

function figureOf(
  { name, kind, direction, guard }: HostFigure,
  { stealLimit, latencyLimitSeconds }: Pick<ExperimentSettings, 'stealLimit' | 'latencyLimitSeconds'>,
  stretches: GuardFigure['stretches'],
): Figure {
  if (guard === undefined) return { name, kind, direction };
  const limits: Readonly<Record<string, number | undefined>> = {
    [STEAL]: stealLimit,
    [LATENCY]: latencyLimitSeconds,
  };
  return { name, kind, direction, guard: { ...guard, stretches, limit: limits[name] } };
}

const nameOf = (other: StepDomain, figure: string): string => `${figure} of ${JSON.stringify(other.name)}`;

/** By the names of the figures: readings of this VM, and of the others. */
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
