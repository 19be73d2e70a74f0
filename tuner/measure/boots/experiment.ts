import type { Trial } from '../../apply/apply.ts';
import { BootSwitch } from '../../apply/boot-switch.ts';
import { failureOf, type Work } from '../../apply/execute.ts';
import { TunerError } from '../../errors.ts';
import { checkBaseline } from '../check-baseline.ts';
import type { Experiment } from '../experiment.ts';
import type { Figure } from '../figure.ts';
import { GuardWatch } from '../guard-watch.ts';
import { IN_BASELINE, Recorder } from '../recorder.ts';
import { sampleBlock } from '../sample-block.ts';
import type { Block } from '../schedule.ts';
import { trialResult } from '../trial-result.ts';
import { describeBootFigure, describeBootReport } from './describe.ts';
import { reportOnBoots } from './report.ts';
import { type BootSchedule, bootsWith } from './schedule.ts';

export interface BootExperiment extends Experiment<BootSchedule> {
  /** The same figure of the other VMs of the host. */
  readonly controlsOf: (figure: Figure) => readonly Figure[];
}

/**
 * Measures settings that need a boot, as part of applying a transaction: restarts the VM with and without them by the
 * schedule, then leaves every step to be executed, or all to be undone. Whatever ends it early undoes everything.
 */
export function bootTrialOf(experiment: BootExperiment): Trial {
  return async (work) => {
    const { schedule, baselineMs, everyMs, keepIf, now } = experiment;
    const startedAt = (now?.() ?? new Date()).toISOString();
    const recorder = new Recorder(experiment.sample, everyMs, experiment.clock ?? work.link);
    const done: Done = { blocks: [], guard: undefined };
    let cause: unknown;
    try {
      await runBoots(experiment, work, recorder, done);
    } catch (error) {
      cause = error;
    }
    const ended = cause === undefined ? undefined : failureOf(cause);
    const { seed, restarts, blockMs, settleMs } = schedule;
    const report = reportOnBoots(experiment, {
      startedAt,
      baselineMs,
      seed,
      design: { restarts, blockMs, settleMs },
      blocks: done.blocks,
      ended: ended?.message,
      guard: done.guard?.report,
      everyMs,
      series: (name) => recorder.series(name),
    });
    const measured = { ...report, text: describeBootReport(report) };
    return trialResult(measured, describeBootFigure(report.primary), keepIf, ended);
  };
}

/** Progress of the experiment. */
interface Done {
  readonly blocks: Block[];
  guard: GuardWatch | undefined;
}

/** Adds each boot to `done` when it is complete. */
async function runBoots(
  experiment: BootExperiment,
  work: Work,
  recorder: Recorder,
  done: Done,
): Promise<void> {
  const { schedule, baselineMs, everyMs, primary, secondary, guards, onBlock, onGuard } = experiment;
  const { arms, restarts, blockMs, settleMs } = schedule;
  const setting = new BootSwitch(work);
  await recorder.until(baselineMs, { figure: primary.name, during: IN_BASELINE });
  checkBaseline(primary, recorder);
  const series = (name: string) => recorder.series(name);
  const design = { pairs: bootsWith(restarts), blockMs, settleMs: 0 };
  const foundMs = recorder.nowMs();
  const guard = new GuardWatch([primary, ...secondary, ...guards], series, everyMs, foundMs, design);
  done.guard = guard;
  onGuard?.(guard.report);
  if (restarts === 1) done.blocks.push({ pair: 0, arm: 'off', startMs: 0, measureMs: 0, endMs: foundMs });
  await setting.prepare();
  for (const [index, arm] of arms.entries()) {
    onBlock?.({ arm }, index);
    await setting.boot(arm);
    recorder.expectNewRun();
    const during = `after restart ${index + 1} of ${restarts}, settings ${arm}`;
    const own = { figure: primary.name, during };
    const startMs = recorder.nowMs();
    const measureMs = startMs + settleMs;
    // A guest may reset itself while it boots.
    await recorder.until(measureMs, own);
    const rebootsBefore = experiment.reboots?.() ?? 0;
    const watch = (): void => {
      if ((experiment.reboots?.() ?? 0) !== rebootsBefore) {
        throw new TunerError('TUNE_MEASURE', `the guest rebooted ${during}`);
      }
      if (arm === 'off') return;
      const worse = guard.findWorse(measureMs, recorder.nowMs());
      if (worse !== undefined) throw new TunerError('TUNE_MEASURE', `${worse} with the setting`);
    };
    const endMs = await sampleBlock(recorder, { figure: primary, fromMs: measureMs, blockMs }, own, watch);
    guard.ended({ arm, fromMs: measureMs, toMs: endMs });
    done.blocks.push({ pair: done.blocks.length, arm, startMs, measureMs, endMs });
  }
}
