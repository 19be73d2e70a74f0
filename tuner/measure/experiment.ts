import type { Trial } from '../apply/apply.ts';
import { failureOf, type Work } from '../apply/execute.ts';
import { LiveSwitch } from '../apply/live-switch.ts';
import { TunerError } from '../errors.ts';
import { checkBaseline } from './check-baseline.ts';
import { describeFigure, describeReport } from './describe.ts';
import type { Sample } from './figure.ts';
import { type GuardReport, GuardWatch } from './guard-watch.ts';
import { type Clock, IN_BASELINE, type MustRun, Recorder } from './recorder.ts';
import { type Question, reportOn } from './report.ts';
import { sampleBlock } from './sample-block.ts';
import type { Arm, Block, Schedule } from './schedule.ts';
import { type KeepIf, trialResult } from './trial-result.ts';

/** `S`: the schedule; settings that need a boot have another one than those that are switched. */
export interface Experiment<S = Schedule> extends Question {
  readonly schedule: S;
  /** Before the first block, with nothing changed: the guard compares with it. */
  readonly baselineMs: number;
  readonly everyMs: number;
  /** All figures now. It handles its own errors: what it could not sample is absent. */
  readonly sample: () => Promise<Sample>;
  readonly keepIf: KeepIf;
  /** How often the guest has rebooted so far, which libvirt does not count as another run; absent: unknown. */
  readonly reboots?: (() => number) | undefined;
  /** Absent: the real one. */
  readonly clock?: Clock | undefined;
  /** Called before each block, to show progress. */
  readonly onBlock?: ((block: Pick<Block, 'arm'>, index: number) => void) | undefined;
  /** Called after the baseline: what is guarded, and what cannot be. */
  readonly onGuard?: ((guard: GuardReport) => void) | undefined;
  /** Wall clock for the record; absent: the real one. */
  readonly now?: (() => Date) | undefined;
}

/**
 * A switchback experiment as part of applying a transaction: switches its live steps on and off by the schedule, then
 * leaves every step to be executed, or all to be undone. Boot-time settings are not part of it; they are applied if the
 * result is kept.
 *
 * The times of the schedule count from when a switch is complete, so a slow switch makes the experiment longer and no
 * block shorter; slow samples make a block longer. Whatever ends it early undoes everything: a VM that stops, a libvirt
 * that goes away, a signal, a guard.
 */
export function trialOf(experiment: Experiment): Trial {
  return async (work) => {
    const { schedule } = experiment;
    const startedAt = (experiment.now?.() ?? new Date()).toISOString();
    const recorder = new Recorder(experiment.sample, experiment.everyMs, experiment.clock ?? work.link);
    const done: Done = { blocks: [], guard: undefined };
    let cause: unknown;
    try {
      await runBlocks(experiment, work, recorder, done);
    } catch (error) {
      cause = error;
    }
    const ended = cause === undefined ? undefined : failureOf(cause);
    const { seed, pairs, blockMs, settleMs } = schedule;
    const report = reportOn(experiment, {
      startedAt,
      baselineMs: experiment.baselineMs,
      seed,
      design: { pairs, blockMs, settleMs },
      blocks: done.blocks,
      ended: ended?.message,
      guard: done.guard?.report,
      everyMs: experiment.everyMs,
      series: (name) => recorder.series(name),
    });
    const measured = { ...report, text: describeReport(report) };
    const found = describeFigure(report.primary, 2 * (blockMs + settleMs));
    return trialResult(measured, found, experiment.keepIf, ended);
  };
}

/** Progress of an experiment. */
interface Done {
  readonly blocks: Block[];
  guard: GuardWatch | undefined;
}

/** Adds each block to `done` when it is complete. */
async function runBlocks(experiment: Experiment, work: Work, recorder: Recorder, done: Done): Promise<void> {
  const { schedule, baselineMs, everyMs, primary, secondary, guards, onBlock, onGuard } = experiment;
  const setting = new LiveSwitch(work);
  await setting.prepare();
  const rebootsBefore = experiment.reboots?.() ?? 0;
  const checkReboots = (during: string): void => {
    if ((experiment.reboots?.() ?? 0) === rebootsBefore) return;
    throw new TunerError('TUNE_MEASURE', `the guest rebooted ${during}`);
  };
  const own = (during: string): MustRun => ({ figure: primary.name, during });
  await recorder.until(baselineMs, own(IN_BASELINE), () => checkReboots(IN_BASELINE));
  checkBaseline(primary, recorder);
  const figures = [primary, ...secondary, ...guards];
  const series = (name: string) => recorder.series(name);
  const guard = new GuardWatch(figures, series, everyMs, recorder.nowMs(), schedule);
  done.guard = guard;
  onGuard?.(guard.report);
  let state: Arm = 'off';
  for (const [index, planned] of schedule.blocks.entries()) {
    onBlock?.(planned, index);
    const { arm, pair } = planned;
    if (arm !== state) await (arm === 'on' ? setting.on() : setting.off());
    state = arm;
    const startMs = recorder.nowMs();
    const measureMs = startMs + schedule.settleMs;
    const during = `in block ${index + 1} of ${schedule.blocks.length}, settings ${arm}`;
    const watch = (): void => {
      checkReboots(during);
      if (arm === 'off') return;
      const worse = guard.findWorse(startMs, recorder.nowMs());
      if (worse !== undefined) throw new TunerError('TUNE_MEASURE', `${worse} with the setting`);
    };
    await recorder.until(measureMs, own(during), watch);
    const stretch = { figure: primary, fromMs: measureMs, blockMs: schedule.blockMs };
    const endMs = await sampleBlock(recorder, stretch, own(during), watch);
    await setting.check(arm);
    guard.ended({ arm, fromMs: arm === 'on' ? startMs : measureMs, toMs: endMs });
    done.blocks.push({ pair, arm, startMs, measureMs, endMs });
  }
}
